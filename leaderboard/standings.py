"""Ranks, significance groups, Pareto tiers and paired differences of the rows of one suite entry."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.assessment.flags import UNRANKED
from harness.assessment.results import UNDEFENDED, Assessment, Place
from leaderboard.moves import Paired, paired
from leaderboard.paired import MEASURES, differences, holm
from leaderboard.ranking import UTILITY_FLOOR, interval_groups, pareto_tiers, places

__all__ = ["LEVEL", "MOST_ROWS", "standings"]

LEVEL = 0.05
MOST_ROWS = 80
"""Up to so many rows of an entry, every pair is compared; beyond, each row with the undefended and the best."""

Row = dict[str, Any]


def standings(made: Sequence[Assessment], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Sets rank, group, tier and on_front of the board rows of one entry; returns the rows of ``pairs``."""
    found = paired(made)
    _tiers(rows)
    ranked = sorted((row for row in rows if row["ranked"]), key=lambda row: -row["pue"])
    if ranked:
        for row, place in zip(ranked, places(np.array([row["pue"] for row in ranked])), strict=True):
            row["rank"] = int(place)
        _groups(ranked, found)
    return _pairs(rows, ranked, found)


def _tiers(rows: Sequence[Row]) -> None:
    ends = ("privacy", "privacy_low", "privacy_high", "utility", "utility_low", "utility_high")
    barred = UNRANKED - {"below_floor"}
    live = [r for r in rows if all(r[end] is not None for end in ends) and not barred & set(r["flags"])]
    if not live:
        return
    p, pl, ph, u, ul, uh = (np.array([row[end] for row in live], dtype=float) for end in ends)
    for row, tier in zip(live, pareto_tiers((p, pl, ph), (u, ul, uh)), strict=True):
        row["tier"] = int(tier)
        row["on_front"] = bool(tier == 1 and row["utility"] >= UTILITY_FLOOR)


def _groups(ranked: Sequence[Row], found: Paired) -> None:
    """1: rows that are not significantly worse than the first; 2: of the rest, than their first; and so on."""
    left = list(ranked)
    number = 0
    while left:
        number += 1
        worse = _worse(left[0], left[1:], found)
        for row, is_worse in zip(left, [False, *worse], strict=True):
            if not is_worse:
                row["group"] = number
        left = [row for row, is_worse in zip(left, [False, *worse], strict=True) if is_worse]


def _worse(best: Row, others: Sequence[Row], found: Paired) -> list[bool]:
    """Which rows are significantly worse than ``best``: paired where records are shared, else by their intervals."""
    if not others:
        return []
    pairs = [(_place(best), _place(row)) for row in others]
    tested = differences(found, pairs, "pue")
    adjusted = holm([d.p for d in tested])
    known = {d.b: d.value > 0 and p < LEVEL for d, p in zip(tested, adjusted, strict=True)}
    rows = [best, *others]
    numbers = (np.array([row[name] for row in rows], dtype=float) for name in ("pue", "pue_low", "pue_high"))
    apart = interval_groups(*numbers) > 1
    return [known.get(_place(row), bool(out)) for row, out in zip(others, apart[1:], strict=True)]


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row["submission"], row["point"])


def _pairs(rows: Sequence[Row], ranked: Sequence[Row], found: Paired) -> list[dict[str, Any]]:
    order = sorted((_place(row) for row in rows), key=lambda place: (place[0] != "none", place))
    pairs: list[tuple[Place, Place]] = list(itertools.combinations(order, 2))
    if len(order) > MOST_ROWS:
        marked = {UNDEFENDED, *(_place(row) for row in ranked[:1])}
        pairs = [pair for pair in pairs if marked & set(pair)]
    told = []
    for measure in MEASURES:
        tested = differences(found, pairs, measure)
        for d, p in zip(tested, holm([d.p for d in tested]), strict=True):
            told.append(
                {
                    "suite": rows[0]["suite"], "entry": rows[0]["entry"], "a_submission": d.a[0], "a_point": d.a[1],
                    "b_submission": d.b[0], "b_point": d.b[1], "measure": measure, "difference": d.value,
                    "low": d.low, "high": d.high, "p": d.p, "p_holm": p, "n": d.n,
                }
            )  # fmt: skip
    return told
