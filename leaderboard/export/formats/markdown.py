"""A table as GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from leaderboard.export.provenance import Provenance
from leaderboard.export.request import Request
from leaderboard.export.tables.model import BEST, NOT_AVAILABLE, SECOND, PrintedColumn, PrintedTable

__all__ = ["to_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|www)(://|\.)")


def to_markdown(table: PrintedTable, request: Request, source: Provenance) -> str:
    """The table as a file's text: one pipe table per section, notes and remarks below."""
    comment = source.comment("").replace("-->", "--&gt;")
    parts = [f"<!--\n{comment}-->\n", f"**{escape(table.title)}**\n"]
    cells = [part for column in table.columns for part in _columns(column, request)]
    head = "| " + " | ".join(title for title, _, _ in cells) + " |"
    rule = "|" + "|".join("---:" if right else "---" for _, right, _ in cells) + "|"
    lines = ["| " + " | ".join(row) + " |" for row in zip(*(texts for _, _, texts in cells), strict=True)]
    for section in table.sections:
        body = "\n".join([head, rule, *lines[section.start : section.stop]])
        parts += [f"### {escape(section.title)}\n", f"{body}\n"]
    if not table.sections:
        parts += ["\n".join([head, rule]) + "\n", "no rows\n"]
    parts += [f"<sup>{letter}</sup> {escape(sentence)}\n" for letter, sentence in table.notes]
    parts += [escape(remark) + "\n" for remark in table.remarks]
    return "\n".join(parts)


def escape(text: str) -> str:
    """``text`` with everything escaped that Markdown or HTML would read, on one line; addresses make no links."""
    line = _SPECIAL.sub(r"\\\1", "".join(char if char.isprintable() else " " for char in text))
    return _ADDRESS.sub(lambda found: f"{found[1]}\\{found[2]}", line)


def _columns(column: PrintedColumn, request: Request) -> Iterator[tuple[str, bool, list[str]]]:
    """(title, aligned right, cells) of the Markdown columns of a column."""
    marks = column.marks or [0] * len(column.texts)
    shown = [_marked(escape(text), mark) for text, mark in zip(column.texts, marks, strict=True)]
    title = escape(column.title)
    if column.intervals and request.intervals == "subscript":
        shown = [
            f"{text} <sub>[{pair[0]}, {pair[1]}]</sub>" if pair else text
            for text, pair in zip(shown, column.intervals, strict=True)
        ]
    yield title, column.numeric, shown
    if column.intervals and request.intervals == "columns":
        for end, word in enumerate(("low", "high")):
            yield f"{title} {word}", True, [pair[end] if pair else NOT_AVAILABLE for pair in column.intervals]


def _marked(text: str, mark: int) -> str:
    return f"**{text}**" if mark == BEST else f"<ins>{text}</ins>" if mark == SECOND else text
