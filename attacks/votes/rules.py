"""The vote that a record casts, recomputed by the attacker: the rule, the synthetic texts and the encoder are public.

A record gives ``weights[0]`` to its nearest synthetic text, ``weights[1]`` to the next, and so on: one vote in Aug-PE
(Xie et al. 2024), 1, 1/2, 1/4 ... in WASP (Zou et al. 2025), there also for the farthest texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["halving", "vote_vectors"]


def halving(ranks: int) -> tuple[float, ...]:
    """Weights 1, 1/2, 1/4, ... of ``ranks`` nearest texts."""
    return tuple(0.5**rank for rank in range(ranks))


def vote_vectors(
    records: Floats,
    synthetic: Floats,
    weights: Sequence[float] = (1.0,),
    *,
    classes: tuple[Sequence[str], Sequence[str]] | None = None,
    farthest: bool = False,
) -> Floats:
    """Votes ``[c, m]`` of each of ``records [c, d]`` for ``synthetic [m, d]``, by Euclidean distance of embeddings.

    ``classes`` are the labels of records and of synthetic texts: a record then votes within its own class only, for
    as many texts as there are. Of equally near texts the first one counts.

    Raises:
        DataError: labels do not fit the embeddings, or no weight is given.
    """
    _check(records, synthetic, weights, classes)
    distance = _squared_distances(records, synthetic) * (-1.0 if farthest else 1.0)
    if classes is not None:
        same = np.asarray(classes[0])[:, None] == np.asarray(classes[1])[None]
        distance = np.where(same, distance, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")[:, : len(weights)]
    votes, rows = np.zeros(distance.shape), np.arange(len(records))
    for rank, weight in enumerate(weights[: order.shape[1]]):
        votes[rows, order[:, rank]] = np.where(np.isfinite(distance[rows, order[:, rank]]), weight, 0.0)
    return votes


def _squared_distances(a: Floats, b: Floats) -> Floats:
    from scipy.spatial.distance import cdist

    found: Floats = cdist(a, b, "sqeuclidean")
    return found


def _check(
    records: Floats, synthetic: Floats, weights: Sequence[float], classes: tuple[Sequence[str], Sequence[str]] | None
) -> None:
    problems = []
    if records.ndim != 2 or synthetic.ndim != 2 or records.shape[1:] != synthetic.shape[1:]:
        problems.append(f"records {list(records.shape)}, synthetic texts {list(synthetic.shape)} are not of one space")
    if not weights:
        problems.append("no weights are given")
    if classes is not None and (len(classes[0]), len(classes[1])) != (len(records), len(synthetic)):
        problems.append(f"{len(classes[0])} and {len(classes[1])} labels for {len(records)} and {len(synthetic)} texts")
    if problems:
        raise DataError("cannot recompute votes: " + "; ".join(problems))
