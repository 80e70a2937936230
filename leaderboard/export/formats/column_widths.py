"""Column widths of a printed table: which text columns keep their natural width, and which are wrapped to fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil

from leaderboard.export.request import WIDTHS
from leaderboard.export.tables.model import PrintedColumn, PrintedTable

__all__ = ["lines", "text_widths"]

GAP = 6.0
"""Space between columns, in points: twice LaTeX's ``tabcolsep`` of 3 pt."""
_DIGITS = {"single": (4.0, 3.4), "double": (4.25, 3.67)}
"""Width of a digit and of one in a subscript, in points, of Computer Modern in scriptsize and footnotesize."""
_CLASSES = {0.6: "ijlIft.,:;'!|()[]-/ ", 0.82: "rstcz_", 1.56: "mwMWU@%&<>−"}
_WIDTHS = {char: width for width, chars in _CLASSES.items() for char in chars}
"""Widths of characters in digits, in Computer Modern; capitals have about 1.4, the rest about 1.06."""
_PARTS = re.compile(r"[\s_-]+")
_BREAKS = 24
"""Words of so many letters may be broken: :func:`leaderboard.export.formats.latex_text.escape`."""


def text_widths(table: PrintedTable, width: str, intervals: str) -> list[float | None]:
    """For each column the share of the line that it is wrapped to, None where it needs no wrapping."""
    line = 0.99 * 72.27 * WIDTHS[width]
    natural = [_natural(column, width, intervals) for column in table.columns]
    words = [place for place, column in enumerate(table.columns) if not column.numeric]
    fixed = sum(natural[place] for place, column in enumerate(table.columns) if column.numeric)
    left = line - fixed - GAP * (len(natural) - 1)
    least = [_DIGITS[width][0] * _longest_word(table.columns[place]) for place in words]
    shares = _fit([natural[place] for place in words], left, least)
    wrapped: list[float | None] = [None] * len(natural)
    for place, share in zip(words, shares, strict=True):
        wrapped[place] = None if share is None else share / line
    return wrapped


def lines(table: PrintedTable, width: str, widths: Sequence[float | None]) -> int:
    """About how many lines the body takes."""
    deep = [1] * table.rows
    for column, share in zip(table.columns, widths, strict=True):
        if share is not None:
            room = max(1.0, share * 72.27 * WIDTHS[width] / _DIGITS[width][0] - 3)
            sizes = {text: ceil(_size(text) / room) for text in set(column.texts)}
            deep = [max(most, sizes[text]) for most, text in zip(deep, column.texts, strict=True)]
    return sum(deep) + 2 * len(table.sections)


def _size(text: str) -> float:
    """Width of a text in digits, rather too large than too small."""
    return sum(_WIDTHS.get(char) or (1.45 if char.isupper() else 1.07 if char < "\x7f" else 2.2) for char in text)


def _longest_word(column: PrintedColumn) -> float:
    """Width in digits of the longest word that must not be broken, in cells and title."""
    words = {word for text in {column.title, *column.texts} for word in _PARTS.split(text)}
    return 1 + max((_size(word) for word in words if len(word) < _BREAKS), default=0.0)


def _fit(natural: Sequence[float], left: float, least: Sequence[float]) -> list[float | None]:
    """Columns narrower than a fair share keep their width; the rest divide what remains by their need."""
    wrapped = set(range(len(natural)))
    while wrapped and sum(natural) > left:
        room = left - sum(natural[place] for place in range(len(natural)) if place not in wrapped)
        small = {place for place in wrapped if natural[place] <= max(room / len(wrapped), least[place])}
        if not small:
            return _divide(natural, room, least, wrapped)
        wrapped -= small
    return [None] * len(natural)


def _divide(natural: Sequence[float], room: float, least: Sequence[float], wrapped: set[int]) -> list[float | None]:
    """Shares of ``room`` by the root of the need, none below its longest word."""
    widths: dict[int, float] = {}
    while rest := wrapped - set(widths):
        need = sum(natural[place] ** 0.5 for place in rest)
        free = room - sum(widths.values())
        tight = {place: least[place] for place in rest if free * natural[place] ** 0.5 / need < least[place]}
        widths |= tight or {place: free * natural[place] ** 0.5 / need for place in rest}
    return [widths.get(place) for place in range(len(natural))]


def _natural(column: PrintedColumn, width: str, intervals: str) -> float:
    """Width of a column's widest cell or title, in points."""
    digit, small = _DIGITS[width]
    cited = 5 if column.cites and any(column.cites) else 0
    widest = _number(column.texts) if column.numeric else max(map(_size, set(column.texts)), default=3.0)
    body = digit * (widest + cited)
    if pairs := [pair for pair in column.intervals or () if pair]:
        ends = sum(map(_number, zip(*pairs, strict=True)))
        body += small * (ends + 3) if intervals == "subscript" else digit * (ends + 1) + 2 * GAP
    return max(body, digit * _size(column.title))


def _number(texts: Sequence[str]) -> float:
    """Width of the widest number, in digits."""
    minus = 0.56 if any(text[0] == "-" for text in texts) else 0.0
    return _size(max(texts, key=len, default="0.00")) + minus
