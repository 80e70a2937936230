"""``leakboard export``: a table or figure of the board as a file."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import store_path
from harness.errors import LeakboardError
from leaderboard.export.request import FIGURES, FORMS, INTERVALS, TABLES, WIDTHS, Request

__all__ = ["export", "today"]

_BINARY = ("parquet", "pdf", "png")


def export(
    what: Annotated[
        str, typer.Argument(help=f"Table ({', '.join(TABLES)}) or figure ({', '.join(FIGURES)}).")
    ] = "board",
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", help=f"{', '.join(FORMS)}; by default that of --out, else latex or pdf."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; by default standard output.")] = None,
    suite: Annotated[list[str] | None, typer.Option(help="Only this suite, as name or name@version (repeat).")] = None,
    scenario: Annotated[list[str] | None, typer.Option(help="Only this scenario (repeat).")] = None,
    entry: Annotated[list[str] | None, typer.Option(help="Only this suite entry (repeat).")] = None,
    submission: Annotated[
        list[str] | None, typer.Option(help="Only this submission, or NAME#POINT for one operating point (repeat).")
    ] = None,
    intervals: Annotated[
        str, typer.Option(help=f"95 % intervals of printed tables: {', '.join(INTERVALS)}.")
    ] = "subscript",
    width: Annotated[str, typer.Option(help=f"Room in the paper: {', '.join(WIDTHS)}.")] = "double",
    digits: Annotated[int, typer.Option(help="Decimals of printed tables.")] = 2,
    weights: Annotated[
        str | None, typer.Option(help="Weights of privacy, utility and efficiency in PUE, such as 0.45,0.45,0.1.")
    ] = None,
    cite: Annotated[
        bool, typer.Option("--cite/--no-cite", help="Cite sources in LaTeX by their keys of -f bib.")
    ] = True,
    comment: Annotated[
        bool, typer.Option("--comment/--no-comment", help="Begin a CSV file with its provenance.")
    ] = True,
    store: Annotated[
        Path | None,
        typer.Option(help="Database or folder of records; by default $LEAKBOARD_STORE, else ./leakboard.duckdb."),
    ] = None,
) -> None:
    """Export a table or figure of the board for a paper, with where it comes from written into it."""
    from leaderboard.build import current_board, default_sources
    from leaderboard.export.render import render
    from leaderboard.export.request import check_request
    from leaderboard.queries import board_path, open_board

    request = Request(
        what=what,
        format=format or _format(what, out),
        suite=tuple(suite or ()),
        scenario=tuple(scenario or ()),
        entry=tuple(entry or ()),
        submission=tuple(submission or ()),
        intervals=intervals,
        width=width,
        digits=digits,
        weights=_weights(weights),
        cite=cite,
        comment=comment,
        store=str(store or ""),
        date=today(),
    )
    check_request(request)
    _check_output(request, out)
    home = store_path(store)
    sources = [home] if home.is_dir() else default_sources(home)
    board = open_board(current_board(sources, board_path(home)))
    _write(render(board, request), out)


def today() -> str:
    """The date of an export: today in UTC, or what ``SOURCE_DATE_EPOCH`` says, for files that repeat byte by byte."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(given), UTC) if given.isdecimal() else datetime.now(UTC)
    return now.date().isoformat()


def _format(what: str, out: Path | None) -> str:
    """The format that the file's ending means, else the first of the table or figure."""
    endings = {ending: name for name, ending in FORMS.items()}
    return endings.get(out.suffix if out else "", "pdf" if what in FIGURES else "latex")


def _weights(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        privacy, utility, efficiency = (float(part) for part in text.split(","))
    except ValueError as error:
        raise LeakboardError(f"weights {text!r}: write three numbers that sum to 1, such as 0.45,0.45,0.1") from error
    return privacy, utility, efficiency


def _check_output(request: Request, out: Path | None) -> None:
    """Before anything is computed: is there somewhere to write to?"""
    if out is None and request.format in _BINARY and sys.stdout.isatty():
        raise LeakboardError(f"{request.format} is no text for a terminal: name a file with --out")
    if out is not None and not out.parent.is_dir():
        raise LeakboardError(f"{out} cannot be written: there is no folder {out.parent}")


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise LeakboardError(f"{out} cannot be written: {error.strerror}") from error
    typer.echo(f"{out}: {len(content):,} bytes", err=True)
