"""Frames of the compare page: rows side by side, and the paired differences between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.app.source import compared, frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MEASURES", "SIDE", "differences", "options", "sensible", "side_by_side"]

MEASURES = ("pue", "privacy", "utility")
SIDE = (
    "submission",
    "label",
    "entry",
    "rank",
    "group",
    "pue",
    "pue_ends",
    "privacy",
    "privacy_ends",
    "utility",
    "utility_ends",
    "efficiency",
    "strongest",
    "flags",
    "status",
)


def options(suite: str) -> list[str]:
    """Operating points that can be compared: ``submission#point`` for every one with results, in order."""
    rows = frame("board", suite=suite)[["submission", "point"]].drop_duplicates().sort_values(["submission", "point"])
    return [f"{name}#{point}" for name, point in rows.itertuples(index=False)]


def sensible(suite: str, entry: str | None) -> list[str]:
    """The two rows to compare first: the best defended one, and the undefended; fewer where there are fewer.

    Best is the first in rank, or without ranks the most private of those with a utility, or of all.
    """
    rows = frame("board", suite=suite) if entry is None else frame("board", suite=suite, entry=entry)
    bare = rows["submission"] == "none"
    defended = rows[~bare].assign(useful=rows["utility"].notna())
    by = ["rank", "useful", "privacy", "submission", "point"]
    best = defended.sort_values(by, ascending=[True, False, False, True, True], na_position="last").head(1)
    chosen = [*best.itertuples(), *rows[bare].head(1).itertuples()]
    return [f"{row.submission}#{row.point}" for row in chosen]


def side_by_side(suite: str, names: list[str]) -> pd.DataFrame:
    """Board rows of the named operating points, entry by entry in the order they were named."""
    rows = frame("board", suite=suite)
    place = {name: index for index, name in enumerate(names)}
    where = (rows["submission"] + "#" + rows["point"].astype(str)).map(place)
    chosen = rows[where.notna()].assign(place=where[where.notna()])
    return chosen.sort_values(["entry", "place"])


def differences(suite: str, entry: str | None, names: list[str], measure: str) -> pd.DataFrame:
    """Paired differences between the named points, with a ``lane`` in words for the chart."""
    pairs = compared(suite, tuple(names))
    pairs = pairs[pairs["measure"] == measure]
    pairs = pairs if entry is None else pairs[pairs["entry"] == entry]
    lanes = [
        f"{row.a_submission}#{row.a_point} - {row.b_submission}#{row.b_point}" + ("" if entry else f" · {row.entry}")
        for row in pairs.itertuples()
    ]
    return pairs.assign(lane=lanes)
