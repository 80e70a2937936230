r"""A table as LaTeX, to be read with ``\input``: booktabs rules, numbers aligned by siunitx, notes below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leaderboard.export.formats.column_widths import lines, text_widths
from leaderboard.export.formats.latex_text import escape
from leaderboard.export.provenance import Provenance
from leaderboard.export.request import Request
from leaderboard.export.tables.model import BEST, SECOND, PrintedColumn, PrintedTable

__all__ = ["LONG", "to_latex"]

LONG = {"single": 60, "double": 52}
"""Above about so many lines a table does not fit a page and becomes a longtable, which needs one-column mode."""

_SECOND = r"\providecommand*\leakboardsecond[1]{\llap{\underline{\phantom{$#1$}}}}"
"""Underlines the number before it, which siunitx could not align if it stood in the command itself."""
_SETUP = r"\setlength{\tabcolsep}{3pt}\setlength{\belowcaptionskip}{4pt}\sisetup{detect-weight=true}"
_SIZES = {"single": r"\scriptsize", "double": r"\footnotesize"}


def to_latex(table: PrintedTable, request: Request, source: Provenance) -> str:
    """The table as a file's text, which needs booktabs and siunitx, and longtable above :data:`LONG` lines."""
    widths = text_widths(table, request.width, request.intervals)
    long = lines(table, request.width, widths) > LONG[request.width]
    spec, heads = _columns(table, widths, request)
    span = sum(_span(column, request) for column in table.columns)
    head = "\n".join([r"\toprule", *heads, r"\midrule"])
    rows = "\n".join(_body(table, request, span))
    packages = "booktabs,longtable,siunitx" if long else "booktabs,siunitx"
    parts = [source.comment("% ") + rf"% needs: \usepackage{{{packages}}}", _SECOND]
    parts += _long(table, request, spec, head, rows) if long else _float(table, request, spec, head, rows)
    return "\n".join(parts) + "\n"


def _float(table: PrintedTable, request: Request, spec: str, head: str, rows: str) -> list[str]:
    kind = "table" if request.width == "single" else "table*"
    return [
        rf"\begin{{{kind}}}[t]",
        rf"\centering{_SIZES[request.width]}{_SETUP}",
        rf"\caption{{{_caption(table)}}}\label{{{table.label}}}",
        rf"\begin{{tabular}}{{{spec}}}",
        head,
        rows,
        r"\bottomrule",
        r"\end{tabular}",
        *_notes(table),
        rf"\end{{{kind}}}",
    ]


def _long(table: PrintedTable, request: Request, spec: str, head: str, rows: str) -> list[str]:
    return [
        rf"\begingroup{_SIZES[request.width]}{_SETUP}",
        rf"\begin{{longtable}}{{{spec}}}",
        rf"\caption{{{_caption(table)}}}\label{{{table.label}}}\\",
        head,
        r"\endfirsthead",
        head,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        rows,
        r"\end{longtable}",
        *_notes(table),
        r"\endgroup",
    ]


def _caption(table: PrintedTable) -> str:
    where = f" {escape(table.sections[0].title)}." if len(table.sections) == 1 else ""
    return " ".join([escape(table.title) + where, *map(escape, table.remarks)])


def _notes(table: PrintedTable) -> list[str]:
    if not table.notes:
        return []
    listed = "; ".join(rf"\textsuperscript{{{letter}}}\,{escape(sentence)}" for letter, sentence in table.notes)
    return [r"\par\smallskip\noindent\begin{minipage}{\linewidth}\raggedright", listed, r"\end{minipage}"]


def _span(column: PrintedColumn, request: Request) -> int:
    """LaTeX columns that a column takes."""
    return 1 if not column.intervals else 2 if request.intervals == "subscript" else 3


def _columns(table: PrintedTable, widths: Sequence[float | None], request: Request) -> tuple[str, list[str]]:
    """The column specification and the header's lines."""
    specs, first, second, rules, place = [], [], [], [], 1
    for column, width in zip(table.columns, widths, strict=True):
        title, span = escape(column.title), _span(column, request)
        specs.append(_spec(column, width, request))
        first.append(rf"\multicolumn{{{span}}}{{c}}{{{title}}}" if column.numeric else title)
        second += ["", "{low}", "{high}"] if span == 3 else [""] * span
        rules += [rf"\cmidrule(lr){{{place}-{place + 2}}}"] if span == 3 else []
        place += span
    heads = [_line(first), "".join(rules), _line(second)] if rules else [_line(first)]
    return f"@{{}}{''.join(specs)}@{{}}", heads


def _spec(column: PrintedColumn, width: float | None, request: Request) -> str:
    if not column.numeric:
        return "l" if width is None else rf">{{\raggedright\arraybackslash}}p{{{width:.3f}\linewidth}}"
    number = _number_spec(column.texts)
    if not column.intervals:
        return number
    if request.intervals == "subscript":
        return rf"{number}@{{\,}}l"
    lows, highs = zip(*(pair for pair in column.intervals if pair), strict=True) if any(column.intervals) else ([], [])
    return number + _number_spec(lows) + _number_spec(highs)


def _number_spec(texts: Iterable[str]) -> str:
    """siunitx column for the widest of the texts that are numbers."""
    whole, part, sign = 1, 0, ""
    for text in set(texts):
        if _is_number(text):
            before, _, after = text.lstrip("-").partition(".")
            whole, part = max(whole, len(before)), max(part, len(after))
            sign = "-" if text[0] == "-" else sign
    return f"S[table-format={sign}{whole}.{part}]"


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdecimal() and text.isascii()


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _body(table: PrintedTable, request: Request, span: int) -> Iterator[str]:
    cells = [part for column in table.columns for part in _cells(column, request)]
    row_lines = [_line(row) for row in zip(*cells, strict=True)]
    for number, section in enumerate(table.sections):
        if len(table.sections) > 1:
            space = r"\addlinespace" if number else ""
            yield space + rf"\multicolumn{{{span}}}{{@{{}}l@{{}}}}{{\itshape {escape(section.title)}}} \\*"
        yield from row_lines[section.start : section.stop]
    if not row_lines:
        yield rf"\multicolumn{{{span}}}{{@{{}}l}}{{no rows}} \\"


def _cells(column: PrintedColumn, request: Request) -> Iterator[list[str]]:
    """The LaTeX columns of a column."""
    if not column.numeric:
        cited = column.cites or [""] * len(column.texts)
        yield [
            rf"{escape(text)}~\cite{{{key}}}" if key else escape(text)
            for text, key in zip(column.texts, cited, strict=True)
        ]
        return
    marks = column.marks or [0] * len(column.texts)
    yield [_number(text, mark) for text, mark in zip(column.texts, marks, strict=True)]
    if column.intervals and request.intervals == "subscript":
        yield [rf"$_{{[{pair[0]},\,{pair[1]}]}}$" if pair else "" for pair in column.intervals]
    elif column.intervals:
        yield from ([pair[end] if pair else "{n/a}" for pair in column.intervals] for end in (0, 1))


def _number(text: str, mark: int) -> str:
    if not _is_number(text):
        return f"{{{escape(text)}}}"
    if mark == BEST:
        return rf"\bfseries {text}"
    return rf"{text}{{\leakboardsecond{{{text}}}}}" if mark == SECOND else text
