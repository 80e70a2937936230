"""Ranks, significance groups, Pareto tiers and paired differences of the rows of one suite entry."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.assessment import UNDEFENDED, UNRANKED, Assessment, Place
from harness.score.rules import UTILITY_FLOOR
from harness.util import Floats
from leaderboard.ranks.joint_bootstrap import JointBootstrap, bootstrap_jointly
from leaderboard.ranks.paired_tests import MEASURES, differences, holm
from leaderboard.ranks.rank_intervals import rank_intervals
from leaderboard.ranks.ranking import COSTS, PARTS, interval_groups, pareto_tiers, places

__all__ = ["LEVEL", "MOST_ROWS", "set_standings"]

LEVEL = 0.05
MOST_ROWS = 80
"""Up to so many rows of an entry, every pair is compared; beyond, each row with the undefended and the best."""

Row = dict[str, Any]


def set_standings(assessments: Sequence[Assessment], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Set rank, its interval, group, tier and on_front of the board rows of one entry; returns the rows of ``pairs``.

    The undefended system is what the others are compared with: it has no place among them.
    """
    joint = bootstrap_jointly(assessments)
    _tiers(rows)
    ranked = sorted((row for row in rows if row["ranked"] and not _is_reference(row)), key=lambda row: -row["pue"])
    if ranked:
        value, parts, costs = (
            np.array([[row[name] for name in names] for row in ranked], dtype=float)
            for names in (("pue",), PARTS, COSTS)
        )
        for row, place in zip(ranked, places(value[:, 0], parts, costs), strict=True):
            row["rank"] = int(place)
        _intervals(ranked, value[:, 0], joint)
        _groups(ranked, joint)
    return _pairs(rows, ranked, joint)


def _is_reference(row: Mapping[str, Any]) -> bool:
    return bool(row["submission"] == UNDEFENDED.submission)


def _intervals(ranked: Sequence[Row], values: Floats, joint: JointBootstrap) -> None:
    """Set the ends of each rank, and how stable the order of them all is."""
    intervals = rank_intervals(values, [_place(row) for row in ranked], joint)
    for row, ends in zip(ranked, intervals.ends, strict=True):
        if ends is not None:
            row["rank_low"], row["rank_high"] = min(ends[0], row["rank"]), max(ends[1], row["rank"])
        row["rank_stability"] = intervals.stability


def _tiers(rows: Sequence[Row]) -> None:
    ends = ("privacy", "privacy_low", "privacy_high", "utility", "utility_low", "utility_high")
    barred = UNRANKED - {"below_floor"}
    live = [r for r in rows if all(r[end] is not None for end in ends) and not barred & set(r["flags"])]
    if not live:
        return
    p, pl, ph, u, ul, uh = (np.array([row[end] for row in live], dtype=float) for end in ends)
    for row, tier in zip(live, pareto_tiers((p, pl, ph), (u, ul, uh)), strict=True):
        row["tier"] = int(tier)
        row["on_front"] = bool(tier == 1 and row["utility_low"] >= UTILITY_FLOOR)


def _groups(ranked: Sequence[Row], joint: JointBootstrap) -> None:
    """Set groups: 1 for rows not significantly worse than the first, 2 for the same among the rest, and so on."""
    left = list(ranked)
    number = 0
    while left:
        number += 1
        worse = _worse(left[0], left[1:], joint)
        for row, is_worse in zip(left, [False, *worse], strict=True):
            if not is_worse:
                row["group"] = number
        left = [row for row, is_worse in zip(left, [False, *worse], strict=True) if is_worse]


def _worse(best: Row, others: Sequence[Row], joint: JointBootstrap) -> list[bool]:
    """True for each row significantly worse than ``best``: by paired tests on shared records, else by intervals."""
    if not others:
        return []
    pairs = [(_place(best), _place(row)) for row in others]
    tested = differences(joint, pairs, "pue")
    adjusted = holm([d.p for d in tested])
    known = {d.b: d.value > 0 and p < LEVEL for d, p in zip(tested, adjusted, strict=True)}
    rows = [best, *others]
    numbers = (np.array([row[name] for row in rows], dtype=float) for name in ("pue", "pue_low", "pue_high"))
    apart = interval_groups(*numbers) > 1
    return [known.get(_place(row), bool(out)) for row, out in zip(others, apart[1:], strict=True)]


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row["submission"], row["point"])


def _pairs(rows: Sequence[Row], ranked: Sequence[Row], joint: JointBootstrap) -> list[dict[str, Any]]:
    order = sorted((_place(row) for row in rows), key=lambda place: (place[0] != "none", place))
    pairs: list[tuple[Place, Place]] = list(itertools.combinations(order, 2))
    if len(order) > MOST_ROWS:
        marked = {UNDEFENDED, *(_place(row) for row in ranked[:1])}
        pairs = [pair for pair in pairs if marked & set(pair)]
    pair_rows = []
    for measure in MEASURES:
        tested = differences(joint, pairs, measure)
        for d, p in zip(tested, holm([d.p for d in tested]), strict=True):
            pair_rows.append(
                {
                    "suite": rows[0]["suite"],
                    "entry": rows[0]["entry"],
                    "a_submission": d.a[0],
                    "a_point": d.a[1],
                    "b_submission": d.b[0],
                    "b_point": d.b[1],
                    "measure": measure,
                    "difference": d.value,
                    "low": d.low,
                    "high": d.high,
                    "p": d.p,
                    "p_holm": p,
                    "n": d.n,
                }
            )
    return pair_rows
