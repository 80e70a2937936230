"""Intervals of ranks, and how far two random halves of the records agree on the order, from the joint bootstrap.

A rank by itself hides that its neighbours may well change places (MTEB issue 5208). Here every resample ranks the rows
anew: the interval holds the places in the middle 95 % of the resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.score.resample import studentise
from harness.util import Floats, numpy_generator
from leaderboard.ranks.joint_bootstrap import Contributions, JointBootstrap, Place

__all__ = ["RankIntervals", "rank_intervals"]


@dataclass(frozen=True)
class RankIntervals:
    """Lowest and highest place of each row, None where it is not known, and the agreement of two halves."""

    ends: tuple[tuple[int, int] | None, ...]
    stability: float | None
    """Mean rank correlation (Spearman) of the order on two random halves of the records; None of fewer than two rows.

    What a resample moves a mean by has the variance of what half of the records, drawn without replacement, moves it
    by, and the other half moves it as far the other way: so the halves are the values plus and minus a draw.
    """


def rank_intervals(values: Floats, places: Sequence[Place], joint: JointBootstrap) -> RankIntervals:
    """Intervals of the ranks by ``values`` (rows,), the largest first, at the rows' ``places``.

    A row that shares no records with the others keeps its value in all resamples, and has no interval itself.
    """
    known = [i for i, place in enumerate(places) if "pue" in joint.rows.get(place, {})]
    if not known:
        return RankIntervals((None,) * len(places), None)
    moved = _moved([joint.rows[places[i]]["pue"] for i in known])
    drawn = np.tile(np.asarray(values, dtype=float), (len(moved), 1))
    drawn[:, known] += moved
    ranks = _ranks(drawn)
    low = np.quantile(ranks, 0.025, axis=0, method="lower").astype(int)
    high = np.quantile(ranks, 0.975, axis=0, method="higher").astype(int)
    observed = _ranks(np.asarray(values, dtype=float)[None])[0].astype(int)
    ends = [(min(int(a), int(o)), max(int(b), int(o))) for a, b, o in zip(low, high, observed, strict=True)]
    intervals = tuple(ends[i] if i in set(known) else None for i in range(len(places)))
    return RankIntervals(intervals, _agreement(np.asarray(values, dtype=float)[known], moved))


def _moved(rows: Sequence[Contributions]) -> Floats:
    """Deviations of each row's score (resamples, rows), as wide as the row's 95 % interval by Student's t."""
    parts = np.stack([row.parts for row in rows], axis=-1)
    draws = np.stack([row.draws for row in rows], axis=-1)
    error, ratios = studentise(parts, draws, numpy_generator("rank intervals"))
    wide = np.maximum(np.quantile(np.abs(ratios), 0.95, axis=0) / 1.96, 1.0) * error
    total = draws.sum(axis=1) - draws.sum(axis=1).mean(axis=0)
    spread = total.std(axis=0, ddof=1)
    return np.asarray(total * np.divide(wide, spread, out=np.zeros_like(wide), where=spread > 0))


def _ranks(values: Floats) -> Floats:
    """Places in each row, the largest first; equal values share the better place."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-values, method="min", axis=1))


def _agreement(values: Floats, moved: Floats) -> float | None:
    if len(values) < 2:
        return None
    from scipy.stats import rankdata

    first, second = (rankdata(values + sign * moved, axis=1) for sign in (1, -1))
    first, second = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (first, second))
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    agreement = np.divide((first * second).sum(axis=1), scale, out=np.zeros(len(first)), where=scale > 0)
    return float(agreement.mean())
