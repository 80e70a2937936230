"""Ranks, significance groups and Pareto tiers of board rows, as vectorised functions over data frames.

They work within each (suite, entry), on the columns privacy, utility and pue with their ends, efficiency, ranked
and flags, and leave everything else alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.score import WEIGHTS, check_weights, pue
from harness.score.rules import UTILITY_FLOOR
from harness.util import Floats, Ints, Mask

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["COSTS", "NOISE", "PARTS", "SAME", "interval_groups", "pareto", "pareto_tiers", "places", "with_weights"]

SAME = 1e-6
"""Difference of scores up to which they are equal."""
NOISE = 0.05
"""Share of a cost up to which a difference is noise: of two runs of one program, peak memory differs by so much."""

PARTS = ("privacy_low", "utility")
COSTS = ("bytes", "flops", "peak_memory", "round_trips")
"""Columns of what PUE is made from: rows equal in the first and within noise in the others are ties."""

Ends = tuple[Floats, Floats, Floats]
"""Values with the lower and upper ends of their intervals."""


def places(values: Floats, parts: Floats | None = None, costs: Floats | None = None) -> Ints:
    """Place of each value, the largest first; ties share the better place.

    A value ties with the first of its place if they are equal within :data:`SAME`, or if they differ in measurement
    noise alone: equal ``parts`` (rows, any; privacy and utility, say) and ``costs`` (rows, any) that are equal within
    :data:`NOISE` of the larger.
    """
    order = np.argsort(-values, kind="stable")
    place, first = np.zeros(len(values), dtype=np.int64), -1
    for position, row in enumerate(order.tolist()):
        if first < 0 or not _tied(first, row, values, parts, costs):
            first, place[row] = row, position + 1
        place[row] = place[first]
    return place


def _tied(a: int, b: int, values: Floats, parts: Floats | None, costs: Floats | None) -> bool:
    if abs(values[a] - values[b]) <= SAME:
        return True
    if parts is None or costs is None or not (np.abs(parts[a] - parts[b]) <= SAME).all():
        return False
    return bool((np.abs(costs[a] - costs[b]) <= NOISE * np.maximum(costs[a], costs[b])).all())


def interval_groups(value: Floats, low: Floats, high: Floats) -> Ints:
    """Groups from overlap alone: 1 is every row whose interval reaches that of the largest value, and so on."""
    groups = np.zeros(len(value), dtype=np.int64)
    number = 0
    while (left := groups == 0).any():
        number += 1
        best = np.flatnonzero(left)[np.argmax(value[left])]
        groups[left & ((high >= low[best]) | (np.arange(len(value)) == best))] = number
    return groups


def pareto_tiers(privacy: Ends, utility: Ends) -> Ints:
    """Tier of each row from (value, low, high) of its privacy and its utility.

    Row a dominates b where it is significantly better in one (a's interval lies above b's) and no worse in the other
    (by value). Differences within noise thus dominate nothing, and no rows dominate one another in a circle. Tier 1
    is what nothing dominates, tier 2 what only tier 1 does, and so on. n log n a tier.
    """
    tiers = np.zeros(len(privacy[0]), dtype=np.int64)
    number = 0
    while (left := np.flatnonzero(tiers == 0)).size:
        number += 1
        p, u = (tuple(x[left] for x in ends) for ends in (privacy, utility))
        tiers[left[~(_beaten(p, u[0]) | _beaten(u, p[0]))]] = number
    return tiers


def _beaten(first: tuple[Floats, ...], other: Floats) -> Mask:
    """Rows that another row beats: significantly better in ``first`` and no worse in ``other``."""
    _, low, high = first
    order = np.argsort(-low, kind="stable")
    reach = np.maximum.accumulate(other[order])  # the best of other among the rows so far
    above = np.searchsorted(-low[order], -high, side="left")  # rows whose low end exceeds my high end
    return np.asarray(np.concatenate([[-np.inf], reach])[above] >= other)


def pareto(frame: DataFrame, floor: float = UTILITY_FLOOR) -> DataFrame:
    """The frame with ``tier`` and ``on_front`` computed among its own rows; ``floor`` is the utility floor."""
    out = frame.copy()
    tier = np.full(len(out), np.nan)
    columns = [f"{measure}{end}" for measure in ("privacy", "utility") for end in ("", "_low", "_high")]
    usable = out[columns].notna().all(axis=1).to_numpy() & _eligible(out)
    for rows in _entries(out, usable):
        p, pl, ph, u, ul, uh = (out[name].to_numpy(dtype=float)[rows] for name in columns)
        tier[rows] = pareto_tiers((p, pl, ph), (u, ul, uh))
    out["tier"] = _whole(tier)
    out["on_front"] = (tier == 1) & (out["utility_low"].to_numpy(dtype=float) >= floor)
    return out


def with_weights(frame: DataFrame, wp: float, wu: float, we: float) -> DataFrame:
    """The frame with ``pue`` and its ends, ``rank`` and ``group`` under these weights, sorted by rank.

    With the default weights what the builder stored stays. Raises LeakboardError unless the weights are not negative
    and sum to 1.
    """
    check_weights((wp, wu, we))
    if np.allclose((wp, wu, we), WEIGHTS):
        return frame
    out = frame.copy()
    numbers = {n: out[n].to_numpy(dtype=float) for n in _USED}
    for name, p, u in (
        ("pue", "privacy_low", "utility"),
        ("pue_low", "privacy_low", "utility_low"),
        ("pue_high", "privacy_high", "utility_high"),
    ):
        out[name] = pue(numbers[p], numbers[u], numbers["efficiency"], (wp, wu, we))
    return _ranked(out)


_USED = ("privacy_low", "privacy_high", "utility", "utility_low", "utility_high", "efficiency")


def _ranked(out: DataFrame) -> DataFrame:
    """Set rank and group from PUE and its ends."""
    value, low, high = (out[name].to_numpy(dtype=float) for name in ("pue", "pue_low", "pue_high"))
    rank, group = np.full(len(out), np.nan), np.full(len(out), np.nan)
    reference = (out["submission"] == "none").to_numpy(dtype=bool)
    usable = out["ranked"].to_numpy(dtype=bool) & ~np.isnan(value) & ~reference
    for rows in _entries(out, usable):
        parts, costs = (out[list(names)].to_numpy(dtype=float)[rows] for names in (PARTS, COSTS))
        rank[rows] = places(value[rows], parts, costs)
        group[rows] = interval_groups(value[rows], low[rows], high[rows])
    out["rank"], out["group"] = _whole(rank), _whole(group)
    for name in ("rank_low", "rank_high", "rank_stability"):  # of the default weights
        if name in out:
            out[name] = np.nan
    entry = out.groupby(["suite", "entry"], sort=True).ngroup().to_numpy()
    order = np.lexsort((-np.nan_to_num(value, nan=-1.0), np.nan_to_num(rank, nan=np.inf), ~reference, entry))
    return out.iloc[order].reset_index(drop=True)


def _eligible(frame: DataFrame) -> Mask:
    """Rows that may take part in tiers: all but those that are kept out for more than their utility."""
    from harness.assessment import UNRANKED

    out = UNRANKED - {"below_floor"}
    return np.array([not out.intersection(flags) for flags in frame["flags"]], dtype=bool)


def _entries(frame: DataFrame, usable: Mask) -> list[Ints]:
    """Positions of the usable rows of each (suite, entry)."""
    number = frame.groupby(["suite", "entry"], sort=False).ngroup().to_numpy()
    chosen = np.flatnonzero(usable)
    order = chosen[np.argsort(number[chosen], kind="stable")]
    return [part for part in np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(part)]


def _whole(values: Floats) -> Any:
    """Whole numbers with gaps, as pandas' Int64."""
    import pandas as pd

    missing = np.isnan(values)
    return pd.arrays.IntegerArray(np.where(missing, 0, values).astype(np.int64), missing)
