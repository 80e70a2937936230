"""Privacy gained over the undefended system, at equal utility: only where a row keeps the utility that is asked for.

The rule is that of :mod:`leaderboard.ranks.equal_utility`: operating points that were measured count, none between two.
The gain is the paired difference on the records that both systems hold, with its own interval; it may differ in the
last digit from the difference of the two privacies, whose strongest attacks are chosen on other records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from harness.assessment import UNDEFENDED, UNRANKED
from leaderboard.answers.numbers import Row, known
from leaderboard.ranks.overall import USEFUL
from leaderboard.schema.columns import Column, number

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["COLUMNS", "LEVEL", "gains", "sound", "with_gain"]

LEVEL = 0.05
_UNFIT = UNRANKED - {"below_floor"}

COLUMNS: tuple[Column, ...] = (
    number(
        "gain",
        "Gained",
        "Privacy gained over the undefended system where the row's utility is at least what is asked for (0.9 unless "
        "set): the paired difference on shared records. n/a below that utility: more privacy for less utility is no "
        "gain at equal utility.",
    ),
    number("gain_low", "Gained low", "Lower end of its 95 % interval."),
    number("gain_high", "Gained high", "Upper end of its 95 % interval."),
    number("gain_p", "p of gain", "Two-sided p-value of no gain, Holm-corrected over all pairs of the entry."),
)
"""Columns that :func:`with_gain` adds."""

Place = tuple[str, str, str, int]


def sound(row: Row) -> bool:
    """Say whether a row's numbers hold: it has a result, and no flag but that of the floor keeps it from ranks."""
    return row["status"] == "ok" and not _UNFIT & set(row["flags"])


def gains(rows: Iterable[Row], pairs: Iterable[Row]) -> dict[Place, dict[str, float | None]]:
    """Row -> its gain over the undefended row of its entry, whatever its utility: value, ends, corrected p.

    Args:
        rows: rows of ``board``.
        pairs: rows of ``pairs``; where a row shares no records with the undefended one, there is no interval and no p.
    """
    tested: dict[Place, dict[str, float | None]] = {}
    for pair in pairs:
        if pair["measure"] == "privacy" and known(pair["difference"]):
            tested |= _against_none(pair)
    every = [*rows]
    bare = {(r["suite"], r["entry"]): r["privacy"] for r in every if _place(r)[2:] == UNDEFENDED}
    gained = {}
    for row in every:
        base = bare.get((row["suite"], row["entry"]))
        if _place(row)[2:] == UNDEFENDED or base is None or not known(base) or not known(row["privacy"]):
            continue
        plain = {"gain": row["privacy"] - base, "gain_low": None, "gain_high": None, "gain_p": None}
        gained[_place(row)] = tested.get(_place(row), plain)
    return gained


def _against_none(pair: Row) -> dict[Place, dict[str, float | None]]:
    """The pair as the gain of its defended side; empty where neither side is the undefended system."""
    sides = [(pair[f"{side}_submission"], pair[f"{side}_point"]) for side in ("a", "b")]
    if UNDEFENDED not in sides:
        return {}
    turned = sides[0] == tuple(UNDEFENDED)
    value, low, high = pair["difference"], pair["low"], pair["high"]
    ends = (-value, -high, -low) if turned else (value, low, high)
    name, point = sides[1] if turned else sides[0]
    clipped = [None if end is None else min(1.0, max(-1.0, end)) for end in ends]
    gain = dict(zip(("gain", "gain_low", "gain_high"), clipped, strict=True)) | {"gain_p": pair["p_holm"]}
    return {(pair["suite"], pair["entry"], name, int(point)): gain}


def _place(row: Row) -> Place:
    return row["suite"], row["entry"], row["submission"], int(row["point"])


def with_gain(frame: DataFrame, pairs: DataFrame, least: float = USEFUL) -> DataFrame:
    """The rows of ``board`` with the columns :data:`COLUMNS`, NaN below a utility of ``least`` and where none holds."""
    from leaderboard.answers.numbers import rows_of

    rows: Sequence[dict[str, Any]] = rows_of(frame)
    gained = gains(rows, rows_of(pairs))
    reached = [gained.get(_place(row), {}) if sound(row) and (row["utility"] or -1) >= least else {} for row in rows]
    extended = frame.copy()
    for column in COLUMNS:
        values = [row.get(column.name) for row in reached]
        extended[column.name] = [float("nan") if value is None else float(value) for value in values]
    return extended
