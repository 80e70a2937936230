"""Frames of the compare page: rows side by side, and the paired differences between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.app.source import compared, frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MEASURES", "SIDE", "differences", "options", "side_by_side"]

MEASURES = ("pue", "privacy", "utility")
SIDE = (
    "submission",
    "label",
    "entry",
    "rank",
    "group",
    "pue",
    "pue_interval",
    "privacy",
    "privacy_interval",
    "utility",
    "utility_interval",
    "efficiency",
    "strongest",
    "flags",
    "status",
)


def options(suite: str) -> list[str]:
    """Operating points that can be compared: ``submission#point`` for every one with results, in order."""
    rows = frame("board", suite=suite)[["submission", "point"]].drop_duplicates().sort_values(["submission", "point"])
    return [f"{name}#{point}" for name, point in rows.itertuples(index=False)]


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
