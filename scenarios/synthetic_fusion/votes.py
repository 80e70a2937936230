"""Votes of private records for synthetic texts: their histogram, and the texts of most votes.

Aug-PE (Xie et al. 2024, algorithm 1): one vote for the nearest text of the record's class. WASP (Zou et al. 2025,
section 4): 1, 1/2, 1/4, ... for the Q nearest, and likewise, apart, for the Q farthest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.scenario import DataError, Floats, Ints

__all__ = ["allotted", "best_of_each", "halving", "histogram", "vote_norm"]


def halving(ranks: int) -> tuple[float, ...]:
    """Weights 1, 1/2, 1/4, ... of ``ranks`` texts, nearest first."""
    if ranks < 1:
        raise DataError(f"a record votes for {ranks} texts: give at least 1")
    return tuple(0.5**rank for rank in range(ranks))


def vote_norm(weights: Sequence[float]) -> float:
    """Euclidean norm of one record's vote: the sensitivity of a histogram to adding or removing it."""
    return float(np.linalg.norm(np.asarray(weights)))


def histogram(
    records: Floats,
    owners: Sequence[str],
    texts: Floats,
    labels: Sequence[str],
    weights: Sequence[float],
    *,
    farthest: bool = False,
) -> Floats:
    """Votes ``[n]`` of embeddings ``records [r, d]`` of classes ``owners`` for ``texts [n, d]`` of classes ``labels``.

    A record votes within its class, for as many texts as that has. Euclidean distance; of equally near texts the
    earlier one comes first.
    """
    from scipy.spatial.distance import cdist

    votes, marks = np.zeros(len(texts)), np.asarray(labels)
    if not len(records) or not len(texts):
        return votes
    sign = -1.0 if farthest else 1.0
    distance = sign * cdist(records, texts, "sqeuclidean")
    for row, label in zip(distance, owners, strict=True):
        places = np.flatnonzero(marks == label)
        nearest = places[np.argsort(row[places], kind="stable")][: len(weights)]
        votes[nearest] += np.asarray(weights)[: len(nearest)]
    return votes


def best_of_each(votes: Floats, labels: Sequence[str], classes: Sequence[str], count: int) -> list[Ints]:
    """For each class the ``count`` texts of most votes, most first; ties by row."""
    marks, order = np.asarray(labels), np.argsort(-np.asarray(votes), kind="stable")
    return [order[marks[order] == label][:count] for label in classes]


def allotted(shares: Floats, total: int) -> list[int]:
    """Whole numbers of about ``shares * total`` that sum to ``total``: largest remainders first, ties by place."""
    exact = np.asarray(shares) * total
    whole = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return [int(n) for n in whole]
