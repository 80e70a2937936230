"""A table as HTML: great-tables' layout, every text escaped here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from harness.errors import LeakboardError
from leaderboard.export.provenance import Provenance
from leaderboard.export.request import Request
from leaderboard.export.tables.model import BEST, NOT_AVAILABLE, SECOND, PrintedColumn, PrintedTable

__all__ = ["MOST_ROWS", "to_html"]

MOST_ROWS = 2000
"""Rows that a page may have; great-tables takes about 5 ms for each."""

_GROUP = "section"
_PAGE = """<!DOCTYPE html>
<!--
{comment}-->
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
{table}
</body>
</html>
"""


def to_html(table: PrintedTable, request: Request, source: Provenance) -> str:
    """The table as a page that needs no other file.

    Raises:
        LeakboardError: the table has more than :data:`MOST_ROWS` rows.
    """
    if table.rows > MOST_ROWS:
        raise LeakboardError(
            f"HTML of {table.rows} rows is no page to read (at most {MOST_ROWS}): choose with --suite, --entry or "
            "--submission, or take csv or parquet"
        )
    comment = source.comment("").replace("--", "&#45;&#45;")
    return _PAGE.format(comment=comment, title=escape(table.title), table=_table(table, request))


def _table(table: PrintedTable, request: Request) -> str:
    import pandas as pd
    from great_tables import GT, html

    columns = [part for column in table.columns for part in _columns(column, request)]
    names = [f"c{place}" for place in range(len(columns))]
    frame = pd.DataFrame({name: cells for name, (_, _, cells) in zip(names, columns, strict=True)}, dtype=object)
    frame[_GROUP] = [escape(section.title) for section in table.sections for _ in range(section.start, section.stop)]
    layout = (
        GT(frame, groupname_col=_GROUP, id="leakboard")
        .tab_header(title=html(escape(table.title)))
        .cols_label({name: html(title) for name, (title, _, _) in zip(names, columns, strict=True)})
        .cols_align("right", columns=[name for name, (_, right, _) in zip(names, columns, strict=True) if right])
        .cols_align("left", columns=[name for name, (_, right, _) in zip(names, columns, strict=True) if not right])
        .fmt(str, columns=names)
        .tab_options(table_font_size="13px", data_row_padding="3px", row_group_font_weight="600")
    )
    for note in _notes(table):
        layout = layout.tab_source_note(html(note))
    return str(layout.as_raw_html())


def _notes(table: PrintedTable) -> Iterator[str]:
    yield from (f"<sup>{letter}</sup> {escape(sentence)}" for letter, sentence in table.notes)
    yield from map(escape, table.remarks)
    if not table.rows:
        yield "no rows"


def _columns(column: PrintedColumn, request: Request) -> Iterator[tuple[str, bool, Sequence[str]]]:
    """(title, aligned right, cells) of the HTML columns of a column; titles explain themselves."""
    title = f'<span title="{escape(column.definition)}">{escape(column.title)}</span>'
    marks = column.marks or [0] * len(column.texts)
    tips = column.descriptions or [""] * len(column.texts)
    shown = [_cell(text, mark, tip) for text, mark, tip in zip(column.texts, marks, tips, strict=True)]
    if column.intervals and request.intervals == "subscript":
        shown = [
            f"{text} <sub>[{pair[0]}, {pair[1]}]</sub>" if pair else text
            for text, pair in zip(shown, column.intervals, strict=True)
        ]
    yield title, column.numeric, shown
    if column.intervals and request.intervals == "columns":
        for end, word in enumerate(("low", "high")):
            yield f"{title} {word}", True, [pair[end] if pair else NOT_AVAILABLE for pair in column.intervals]


def _cell(text: str, mark: int, tip: str) -> str:
    body = escape(text)
    body = f"<strong>{body}</strong>" if mark == BEST else f"<u>{body}</u>" if mark == SECOND else body
    return f'<span title="{escape(tip)}">{body}</span>' if tip else body
