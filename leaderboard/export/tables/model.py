"""A printed table, whatever its format: columns of cells with values, display texts, marks and explanations.

Columns hold their cells side by side, since a board may have tens of thousands of rows; :meth:`Table.cell` gives one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["BEST", "NOT_AVAILABLE", "SECOND", "PrintedCell", "PrintedColumn", "PrintedTable", "Section"]

NOT_AVAILABLE = "n/a"
"""Display text of a number that does not exist; no cell is ever blank."""
BEST, SECOND = 1, 2
"""Marks of the first and the second significance group."""


@dataclass(frozen=True)
class PrintedCell:
    """One cell: what it is, how it reads, and where it comes from."""

    value: object
    text: str
    interval: tuple[str, str] | None = None
    mark: int = 0
    cite: str = ""
    description: str = ""


@dataclass(frozen=True)
class PrintedColumn:
    """A column of a printed table. ``texts`` and all that is not None have one item per row."""

    name: str
    title: str
    definition: str
    values: Sequence[object]
    texts: Sequence[str]
    numeric: bool = False
    intervals: Sequence[tuple[str, str] | None] | None = None
    """Display texts of the ends of the 95 % interval."""
    marks: Sequence[int] | None = None
    """Significance group: 1 best, 2 second, anything else unmarked."""
    cites: Sequence[str] | None = None
    """Keys of the bibliography; empty where there is none."""
    descriptions: Sequence[str] | None = None

    def cell(self, row: int) -> PrintedCell:
        """The cell of a row."""
        return PrintedCell(
            self.values[row],
            self.texts[row],
            self.intervals[row] if self.intervals else None,
            self.marks[row] if self.marks else 0,
            self.cites[row] if self.cites else "",
            self.descriptions[row] if self.descriptions else "",
        )


@dataclass(frozen=True)
class Section:
    """Rows ``start`` to ``stop`` of a table under a title of their own; marks compare within it."""

    title: str
    start: int
    stop: int


@dataclass(frozen=True)
class PrintedTable:
    """A table for people."""

    title: str
    label: str
    """Short name for references in a text."""
    columns: tuple[PrintedColumn, ...]
    sections: tuple[Section, ...]
    """All rows, in order."""
    notes: tuple[tuple[str, str], ...] = ()
    """(letter, sentence) of what cells refer to."""
    remarks: tuple[str, ...] = ()
    """Sentences about the whole table."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.sections[-1].stop if self.sections else 0

    def cell(self, row: int, name: str) -> PrintedCell:
        """The cell of a row in the column of that name."""
        return next(column for column in self.columns if column.name == name).cell(row)
