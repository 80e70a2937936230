"""FedHKT-style knowledge: what edges' answers are worth together, and which of it is fit to be passed on.

The equations of Deng et al. (2023) are only partly public; both weightings are reconstructions from the abstract and
from later descriptions: by class, and by confidence.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["by_class", "by_confidence", "selected"]


def by_class(logits: Tensor) -> Tensor:
    """Class-wise weighted mean ``[N, C]`` of edges' logits ``[E, N, C]``.

    For each class an edge weighs by the softmax over edges of its mean confidence in texts that it gives that class
    (0 where it gives none).
    """
    probabilities = logits.softmax(-1)
    best, choice = probabilities.max(-1)
    given = torch.nn.functional.one_hot(choice, logits.shape[-1]).to(best)
    scores = (best[..., None] * given).sum(1) / given.sum(1).clamp_min(1)
    return (scores.softmax(0)[:, None] * logits).sum(0)


def by_confidence(logits: Tensor, temperature: float) -> Tensor:
    """Mean ``[N, C]`` of edges' logits ``[E, N, C]``, each text's weights the softmax over edges of minus the entropy
    of its answer, divided by the temperature."""
    log_p = logits.log_softmax(-1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    weights = (-entropy / temperature).softmax(0)
    return (weights[..., None] * logits).sum(0)


def selected(ensemble: Tensor, server: Tensor, threshold: float) -> Tensor:
    """Which texts ``[N]`` carry knowledge: the ensemble is confident, and the server agrees or is not confident."""
    sure, choice = ensemble.softmax(-1).max(-1)
    server_sure, server_choice = server.softmax(-1).max(-1)
    return (sure >= threshold) & ((choice == server_choice) | (server_sure < threshold))
