"""Columns that several printed tables share, built from a frame of the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from leaderboard.export.cite_keys import attack_key, safe_key
from leaderboard.export.frames import listed
from leaderboard.export.request import Request
from leaderboard.export.tables import numbers
from leaderboard.export.tables.model import NOT_AVAILABLE, PrintedColumn, Section
from leaderboard.export.tables.notes import Notes
from leaderboard.schema import COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from leaderboard.queries import Board

__all__ = ["Facts", "attack", "describe", "measure", "notes_column", "plain", "sections", "texts", "wholes"]


class Facts:
    """Facts about submissions that tables show beside numbers: titles, keys, summaries and labels of points."""

    def __init__(self, board: Board, request: Request) -> None:
        cards = board.table("submissions", columns=["submission", "title", "summary", "cite_key"])
        rows = list(zip(*(listed(cards, column) for column in cards.columns), strict=True))
        titles = [title or name for name, title, _, _ in rows]
        self._titles = {
            name: title if titles.count(title) == 1 else f"{title} ({name})"
            for (name, *_), title in zip(rows, titles, strict=True)
        }
        self._keys = {name: safe_key(key or f"submission:{name}") for name, _, _, key in rows} if request.cite else {}
        self._summaries = {name: summary or "" for name, _, summary, _ in rows}
        self._board = board
        self.cite = request.cite

    @cached_property
    def _labels(self) -> dict[tuple[str, int], str]:
        points = self._board.table("board", columns=["submission", "point", "label"]).drop_duplicates()
        return {
            (name, point): label or ""
            for name, point, label in zip(*(listed(points, column) for column in points.columns), strict=True)
        }

    def column(self, names: Sequence[str], title: str = "Submission", column: str = "submission") -> PrintedColumn:
        """Titles of submissions, with key and summary."""
        return PrintedColumn(
            column,
            title,
            COLUMNS["submission"][1],
            names,
            [self._titles.get(one, one) for one in names],
            cites=[self._keys.get(one, "") for one in names],
            descriptions=[self._summaries.get(one, "") for one in names],
        )

    def rows(self, frame: DataFrame, width: str, side: str = "", title: str = "Submission") -> list[PrintedColumn]:
        """Columns of a row's submission and operating point, one column where there is little room."""
        names, points = listed(frame, f"{side}submission"), listed(frame, f"{side}point")
        who = self.column(names, title, f"{side}submission")
        known = listed(frame, "label") if "label" in frame else None
        label = self._points(names, points, known, f"Point of {title}" if side else "Point", f"{side}point")
        if width == "double":
            return [who, label]
        return [replace(who, texts=[f"{one}: {two}" for one, two in zip(who.texts, label.texts, strict=True)])]

    def _points(
        self, names: Sequence[str], points: Sequence[int], known: Sequence[str] | None, title: str, column: str
    ) -> PrintedColumn:
        """Labels of operating points, looked up where the frame does not have them."""
        labels = known or [self._labels.get(pair, "") for pair in zip(names, points, strict=True)]
        shown = [label or f"point {point}" for label, point in zip(labels, points, strict=True)]
        return PrintedColumn(column, title, COLUMNS["label"][1], points, shown)


def describe(column: str) -> tuple[str, str]:
    """Title and definition of a column of the board."""
    title, definition, unit = COLUMNS[column]
    return f"{title} ({unit})" if unit and unit not in ("records", "JSON") else title, definition


def measure(
    frame: DataFrame, column: str, request: Request, *, group: Series | None = None, title: str = ""
) -> PrintedColumn:
    """A measure with its interval where the frame has one; ``group`` gives the marks."""
    low, high = (frame.get(f"{column}_{end}", frame.get(end) if column == "difference" else None) for end in _ENDS)
    ends = None
    if low is not None and high is not None and request.intervals != "none":
        ends = numbers.intervals(low.tolist(), high.tolist(), request.digits)
    values = listed(frame, column)
    marks = None if group is None else group.fillna(0).astype(int).tolist()
    shown = numbers.decimals(values, request.digits)
    return PrintedColumn(column, title or describe(column)[0], describe(column)[1], values, shown, True, ends, marks)


_ENDS = ("low", "high")


def wholes(frame: DataFrame, column: str, title: str = "") -> PrintedColumn:
    """Whole numbers."""
    values = listed(frame, column)
    return PrintedColumn(column, title or describe(column)[0], describe(column)[1], values, numbers.whole(values), True)


def plain(
    column: str, title: str, values: Sequence[object], texts: Sequence[str], *, numeric: bool = True
) -> PrintedColumn:
    """A column whose texts are made already."""
    return PrintedColumn(column, title, describe(column)[1] if column in COLUMNS else title, values, texts, numeric)


def texts(frame: DataFrame, column: str, title: str = "", shown: Mapping[str, str] | None = None) -> PrintedColumn:
    """Texts, ``n/a`` where there is none; ``shown`` replaces some."""
    values = listed(frame, column)
    words = [(shown or {}).get(value, value) if value else NOT_AVAILABLE for value in values]
    return PrintedColumn(column, title or describe(column)[0], describe(column)[1], values, words)


def attack(frame: DataFrame, facts: Facts) -> PrintedColumn:
    """Attacks with their variants."""
    values = listed(frame, "attack")
    shown = [f"{one} ({how})" if how else one for one, how in zip(values, listed(frame, "variant"), strict=True)]
    keys = [attack_key(one) for one in values] if facts.cite else None
    return PrintedColumn("attack", "Attack", describe("attack")[1], values, shown, cites=keys)


def notes_column(frame: DataFrame, notes: Notes) -> PrintedColumn:
    """Letters of flags, statuses and reasons."""
    flags = listed(frame, "flags") if "flags" in frame else [()] * len(frame)
    shown = [notes.row(*row) for row in zip(flags, listed(frame, "status"), listed(frame, "reason"), strict=True)]
    return PrintedColumn("flags", "Notes", "Letters of the notes below.", flags, shown)


def sections(frame: DataFrame, by: Sequence[str], indicative: Sequence[str] = ()) -> tuple[Section, ...]:
    """Consecutive rows with the same values of ``by``; suites in ``indicative`` are marked."""
    if frame.empty:
        return ()
    keys = list(zip(*(listed(frame, column) for column in by), strict=True))
    starts = [0, *(row for row in range(1, len(keys)) if keys[row] != keys[row - 1])]
    stops = [*starts[1:], len(keys)]
    return tuple(
        Section(", ".join(keys[start]) + (" (indicative)" if keys[start][0] in indicative else ""), start, stop)
        for start, stop in zip(starts, stops, strict=True)
    )
