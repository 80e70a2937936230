"""The residual of a gradient after subtracting that of recovered texts: a certificate that needs no truth.

Where it is at the level of rounding, every text of the batch is among them, with its label.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attacks.toolkit.readers.gradients import SharedGradient, whole_ids
from harness.attack import padded

if TYPE_CHECKING:
    from harness.attack import GradientFacts, Learner

__all__ = ["Certificate", "certify", "labels_of_texts", "norm"]


@dataclass(frozen=True)
class Certificate:
    """The share of a gradient that recovered texts explain, and their labels."""

    residual: float
    """Norm of what is left over the norm of the gradient: 0 is everything, 1 nothing."""
    labels: tuple[int, ...]
    """Class numbers of the texts, read off the class head's gradient; empty in language modelling."""


def certify(
    learner: Learner, shared: SharedGradient, texts: Sequence[Sequence[int]], facts: GradientFacts
) -> Certificate:
    """Labels of the texts and the residual of their joint gradient, in one step of the client's own work.

    Texts count 1 / batch size each (in language modelling, by their tokens).
    """
    if not texts or facts.method != "fedsgd":
        return Certificate(1.0, ())
    ids, mask = padded([whole_ids(facts, list(text)) for text in texts])
    labels = labels_of_texts(learner, shared, ids, mask, facts)
    batch = (ids, mask, torch.tensor(labels or [0] * len(texts)))
    weight = len(texts) / facts.batch_size if labels else 1.0
    loss = weight * learner.loss(batch)
    trained = learner.named_trained()
    known = {name: one for name, one in trained.items() if name in shared.values}
    gradients = torch.autograd.grad(loss, list(known.values()), allow_unused=True)
    left = {name: shared.values[name] - (0 if one is None else one) for name, one in zip(known, gradients, strict=True)}
    return Certificate(norm(left.values()) / max(norm(shared.values.values()), 1e-30), tuple(labels))


@torch.no_grad()
def labels_of_texts(
    learner: Learner, shared: SharedGradient, ids: Tensor, mask: Tensor, facts: GradientFacts
) -> list[int]:
    """Class numbers of texts: dL/dW of the class head is the sum of (p_i - y_i) z_i' / B over texts, so that p_i - y_i
    are its coefficients on the known features z_i (least squares).
    """
    weight = shared.values.get("classifier.weight")
    if learner.classifier is None or weight is None:
        return [0] * len(ids) if learner.classifier is not None else []
    states = learner.part(ids, mask=None if bool(mask.all()) else mask)
    features = learner.pooled(states, mask)
    chances = learner.classifier(features).softmax(-1).double()
    solved = torch.linalg.lstsq(features.double().T, weight.double().T, driver="gelsd").solution
    moved = solved * facts.batch_size
    wanted = chances[:, None] - torch.eye(chances.shape[1], dtype=torch.float64)[None]
    return [int(n) for n in (moved[:, None] - wanted).square().sum(-1).argmin(1)]


def norm(tensors: Iterable[Tensor]) -> float:
    """Euclidean norm of several tensors together."""
    return sqrt(sum(float(one.double().square().sum()) for one in tensors))
