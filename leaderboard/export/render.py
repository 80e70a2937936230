"""The way from a request to the bytes of a file, shared by the command line and the Export page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.export.frames import requested_rows
from leaderboard.export.provenance import Provenance, provenance
from leaderboard.export.request import FIGURES, Request, check_request

if TYPE_CHECKING:
    from leaderboard.export.tables import PrintedTable
    from leaderboard.queries import Board

__all__ = ["render"]


def render(board: Board, request: Request) -> bytes:
    """The export that a request asks for: the bytes of one file, the same for the same board and request.

    Raises:
        UnknownName: the request names a suite, scenario, entry or submission that the board does not have.
        LeakboardError: the request cannot be fulfilled; the message lists everything that is wrong with it.
    """
    check_request(request)
    source = provenance(board, request)
    if request.what in FIGURES:
        from leaderboard.export.figures import figure_file

        return figure_file(board, request, source)
    return _table(board, request, source)


def _table(board: Board, request: Request, source: Provenance) -> bytes:
    if request.format == "bib":
        from leaderboard.export.formats import to_bib

        return to_bib(board, request, source).encode()
    if request.format in ("csv", "parquet"):
        from leaderboard.export.formats import to_csv, to_parquet

        frame = requested_rows(board, request, request.what)
        if request.format == "parquet":
            return to_parquet(frame, request.what, source)
        return to_csv(frame, request.what, request, source).encode()
    from leaderboard.export.tables import printed_table

    return _text(printed_table(board, request), request, source).encode()


def _text(table: PrintedTable, request: Request, source: Provenance) -> str:
    if request.format == "latex":
        from leaderboard.export.formats import to_latex

        return to_latex(table, request, source)
    if request.format == "markdown":
        from leaderboard.export.formats import to_markdown

        return to_markdown(table, request, source)
    from leaderboard.export.formats import to_html

    return to_html(table, request, source)
