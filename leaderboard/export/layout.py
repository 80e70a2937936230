"""Column widths of a printed table: which text columns keep their natural width, and which are wrapped to fit."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.export.model import Column, Table
from leaderboard.export.request import WIDTHS

__all__ = ["FONT_SIZES", "text_widths"]

FONT_SIZES = {"single": 7.0, "double": 8.0}
"""Size of a table's type in points: scriptsize and footnotesize of a ten-point class."""
GAP = 6.0
"""Space between columns, in points: twice LaTeX's ``tabcolsep`` of 3 pt."""
_SMALLEST = 34.0
_MEAN, _DIGIT = 0.56, 0.53
"""Width of a letter and of a digit in units of the type size; a little above Computer Modern's, so as to fit."""


def text_widths(table: Table, width: str, intervals: str) -> list[float | None]:
    """For each column the share of the line that it is wrapped to, None where it needs no wrapping."""
    size, line = FONT_SIZES[width], 72.27 * WIDTHS[width]
    natural = [_natural(column, size, intervals) for column in table.columns]
    words = [place for place, column in enumerate(table.columns) if not column.numeric]
    fixed = sum(natural[place] for place, column in enumerate(table.columns) if column.numeric)
    left = line - fixed - GAP * (len(natural) - 1)
    shares = _fit([natural[place] for place in words], left)
    found: list[float | None] = [None] * len(natural)
    for place, share in zip(words, shares, strict=True):
        found[place] = None if share is None else share / line
    return found


def _fit(natural: Sequence[float], left: float) -> list[float | None]:
    """Columns narrower than a fair share keep their width; the rest divide what remains by their need."""
    wrapped = set(range(len(natural)))
    while wrapped and sum(natural) > left:
        room = left - sum(natural[place] for place in range(len(natural)) if place not in wrapped)
        small = {place for place in wrapped if natural[place] <= room / len(wrapped)}
        if not small:
            need = sum(natural[place] ** 0.5 for place in wrapped)
            return [
                max(_SMALLEST, room * wide**0.5 / need) if place in wrapped else None
                for place, wide in enumerate(natural)
            ]
        wrapped -= small
    return [None] * len(natural)


def _natural(column: Column, size: float, intervals: str) -> float:
    """Width of a column's widest cell or title."""
    cited = 4 if column.cites and any(column.cites) else 0
    letters = max((len(text) for text in column.texts), default=3) + cited
    body = size * (_DIGIT if column.numeric else _MEAN) * letters
    if column.intervals:
        ends = max((len(low) + len(high) for low, high in filter(None, column.intervals)), default=8)
        scale = 0.75 if intervals == "subscript" else 1.0
        body += size * scale * _DIGIT * (ends + 2) + (2 * GAP if intervals == "columns" else 0)
    return max(body, size * _MEAN * len(column.title))
