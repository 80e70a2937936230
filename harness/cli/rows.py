"""Result rows as JSON and as a table with footnotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.cli.common import console, table

if TYPE_CHECKING:
    from harness.report import Row

__all__ = ["as_json", "print_rows"]


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows with the fields of :class:`harness.report.Row`, in its order."""
    return [asdict(row) for row in rows]


def print_rows(rows: Sequence[Row], *, title: str = "", submissions: bool = False) -> None:
    """Print rows as a table, then what is flagged about them as numbered notes."""
    notes: dict[str, int] = {}
    columns = ["entry", "point", "privacy", "utility", "efficiency", "PUE", "strongest attack", "notes"]
    columns = ["submission", *columns] if submissions else columns
    lines = [_line(row, notes, submissions) for row in rows]
    table(columns, lines, title=title, right=("privacy", "utility", "efficiency", "PUE"))
    out = console()
    for text, number in notes.items():
        out.print(f"[{number}] {text}", soft_wrap=True)


def _line(row: Row, notes: dict[str, int], submissions: bool) -> list[str]:
    told = [*row.flags]
    if row.status != "ok":
        told.append(f"{row.status}: {row.reason}" if row.reason else row.status)
    elif row.reason:
        told.append(row.reason)
    marks = "".join(f"[{notes.setdefault(text, len(notes) + 1)}]" for text in told)
    cells = [
        row.entry,
        row.label or str(row.point),
        _interval(row.privacy, row.privacy_low, row.privacy_high),
        _interval(row.utility, row.utility_low, row.utility_high),
        _number(row.efficiency),
        _number(row.pue),
        row.strongest,
        marks,
    ]
    return [row.submission, *cells] if submissions else cells


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return _number(value)
    return f"{value:.3f} [{low:.2f}, {high:.2f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
