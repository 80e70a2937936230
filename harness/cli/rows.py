"""Result rows as JSON and as a table with footnotes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harness.assessment.utility import SYSTEMS
from harness.cli.common import console, table

if TYPE_CHECKING:
    from harness.assessment.report import Row
    from harness.assessment.results import TaskMean

__all__ = ["as_json", "print_rows"]


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows with the fields of :class:`harness.assessment.Row`, in its order."""
    return [asdict(row) for row in rows]


def print_rows(rows: Sequence[Row], *, title: str = "", submissions: bool = False) -> None:
    """Print rows as a table, after those of an entry what its tasks reach without sharing and with all data in one
    place, then what is flagged about them as numbered notes.
    """
    notes: dict[str, int] = {}
    tasks = {mean.task for row in rows for mean in (*row.tasks, *row.references)}
    score = next(iter(tasks)) if len(tasks) == 1 else "task score"
    columns = ["entry", "point", "privacy", "utility", score, "efficiency", "PUE", "strongest attack", "notes"]
    columns = ["submission", *columns] if submissions else columns
    lines = [line for entry in _by_entry(rows) for line in _lines(entry, notes, submissions, len(tasks) > 1)]
    table(columns, lines, title=title, right=("privacy", "utility", score, "efficiency", "PUE"))
    out = console()
    for text, number in notes.items():
        out.print(f"[{number}] {text}", soft_wrap=True)


def _by_entry(rows: Sequence[Row]) -> Iterator[list[Row]]:
    for _, entry_rows in groupby(rows, key=lambda row: (row.suite, row.entry)):
        yield list(entry_rows)


def _lines(rows: list[Row], notes: dict[str, int], submissions: bool, named: bool) -> Iterator[list[str]]:
    """The lines of one entry: its rows, then the reference systems, the undefended one where no row shows it."""
    yield from (_line(row, notes, submissions, named) for row in rows)
    bare = any(row.submission == "none" for row in rows)
    systems = dict.fromkeys(mean.system for mean in rows[0].references)
    for system in (s for s in systems if not (bare and s == SYSTEMS["honest"])):
        utility = _tasks([mean for mean in rows[0].references if mean.system == system], named)
        cells = [rows[0].entry, f"({system})", "", "", utility, "", "", "", ""]
        yield ["", *cells] if submissions else cells


def _line(row: Row, notes: dict[str, int], submissions: bool, named: bool) -> list[str]:
    notes_of_row = [*row.flags]
    if row.status != "ok":
        notes_of_row.append(f"{row.status}: {row.reason}" if row.reason else row.status)
    elif row.reason:
        notes_of_row.append(row.reason)
    marks = "".join(f"[{notes.setdefault(text, len(notes) + 1)}]" for text in notes_of_row)
    cells = [
        row.entry,
        row.label or str(row.point),
        _interval(row.privacy, row.privacy_low, row.privacy_high),
        _interval(row.utility, row.utility_low, row.utility_high),
        _tasks(row.tasks, named),
        _number(row.efficiency),
        _number(row.pue),
        row.strongest,
        marks,
    ]
    return [row.submission, *cells] if submissions else cells


def _tasks(means: Sequence[TaskMean], named: bool) -> str:
    """The raw mean of every task, a line each."""
    return "\n".join(f"{m.task} " * named + _interval(m.value, m.low, m.high) for m in means)


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return _number(value)
    return f"{value:.3f} [{low:.2f}, {high:.2f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
