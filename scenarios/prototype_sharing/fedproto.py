"""FedProto: class prototypes are means of a party's features by class, and the server averages them.

Tan et al. (2022), "FedProto: federated prototype learning across heterogeneous clients", section 4,
equations 3 (local prototypes) and 6 (their aggregation, weighted by class counts). The authors' code averages the
clients that hold a class with equal weights; both are offered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.scenario import DefenseError, Message

__all__ = ["Prototypes", "averaged", "class_means", "nearest", "read"]


@dataclass(frozen=True)
class Prototypes:
    """Means ``[k, d]`` of ``classes`` (positions in the label list), of ``counts [k]`` records each where known."""

    classes: list[int]
    means: Tensor
    counts: Tensor | None = None


def class_means(features: Tensor, labels: Tensor) -> Prototypes:
    """One prototype for each class that occurs in ``labels [n]``: the mean of its rows of ``features [n, d]``."""
    classes, places, counts = labels.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(classes), features.shape[1]).index_add_(0, places, features)
    return Prototypes(classes.tolist(), sums / counts[:, None], counts.float())


def averaged(uploads: Iterable[Prototypes], weighted: bool, width: int) -> Prototypes:
    """One prototype ``[width]`` for each class that somebody sent: the mean over its senders.

    ``weighted``: by their counts, where negative ones (noise) count as zero; without any weight, equally.
    """
    sent: dict[int, list[tuple[Tensor, float]]] = {}
    for upload in uploads:
        counts = upload.counts if weighted and upload.counts is not None else torch.ones(len(upload.classes))
        for name, mean, count in zip(upload.classes, upload.means, counts.tolist(), strict=True):
            sent.setdefault(name, []).append((mean, max(0.0, count)))
    classes = sorted(sent)
    means = [_mean(*zip(*sent[name], strict=True)) for name in classes]
    return Prototypes(classes, torch.stack(means) if means else torch.zeros(0, width))


def nearest(features: Tensor, prototypes: Prototypes) -> list[int]:
    """The class of the prototype at the smallest Euclidean distance to each row of ``features [n, d]``."""
    if not prototypes.classes:
        return [0] * len(features)
    best = torch.cdist(features, prototypes.means).argmin(1)
    return [prototypes.classes[i] for i in best.tolist()]


def read(message: Message, classes: int, width: int) -> Prototypes:
    """The prototypes in a message of a party.

    Raises:
        DefenseError: fields do not fit each other or the ``classes`` and ``width`` that were agreed on.
    """
    names, means, counts = list(message["classes"]), message["means"], message.payload.get("counts")
    problems = [] if means.shape == (len(names), width) else [f"means of shape {list(means.shape)}, not [k, {width}]"]
    problems += [] if all(isinstance(n, int) and 0 <= n < classes for n in names) else ["classes outside the label set"]
    problems += [] if len(set(names)) == len(names) else ["a class twice"]
    if counts is not None:
        counts = message["counts"]
        problems += [] if counts.shape == (len(names),) else [f"counts of shape {list(counts.shape)}"]
    if problems:
        raise DefenseError(f"prototypes of {len(names)} classes in round {message.round}: " + "; ".join(problems))
    return Prototypes(names, means.float(), counts if counts is None else counts.float())


def _mean(means: tuple[Tensor, ...], counts: tuple[float, ...]) -> Tensor:
    weights = torch.tensor(counts if sum(counts) > 0 else [1.0] * len(counts))
    return (weights[:, None] * torch.stack(means)).sum(0) / weights.sum()
