"""FedMD: clients of different models answer public texts, and each learns from the mean of all answers.

Li and Wang (2019), "FedMD: heterogenous federated learning via model distillation", algorithm 1, without its first
step (training on public labels: here the public texts have none). In each round a client sends its logits, learns the
consensus ("digest"), then trains on its own records ("revisit"); the server has no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["consensus_of", "digest_loss", "private_loss"]


def consensus_of(answers: Sequence[Tensor]) -> Tensor:
    """Mean ``[N, C]`` of the clients' logits on the public texts, ``[N, C]`` each."""
    return torch.stack(list(answers)).mean(0)


def private_loss(model: Callable[[Tensor], Tensor], batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Cross-entropy, and the logits for a defense's objective."""
    x, y = batch
    logits = model(x)
    return torch.nn.functional.cross_entropy(logits, y), logits


def digest_loss(model: Callable[[Tensor], Tensor], batch: tuple[Tensor, ...], kind: str, temperature: float) -> Tensor:
    """Distance of the own answers to the consensus: mean absolute error of logits (FedMD), or Kullback-Leibler
    divergence of tempered softmax, times the temperature squared (Hinton et al. 2015, section 2).
    """
    x, wanted = batch
    logits = model(x)
    if kind == "mae":
        return (logits - wanted).abs().mean()
    own, theirs = (logits / temperature).log_softmax(-1), (wanted / temperature).log_softmax(-1)
    return torch.nn.functional.kl_div(own, theirs, reduction="batchmean", log_target=True) * temperature**2
