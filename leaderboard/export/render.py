"""From a request to the bytes of a file: the one door that the command line and the Export page share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from leaderboard.export.board_table import board_table, overall_table
from leaderboard.export.detail_tables import attacks_table, pairs_table, runs_table, strata_table
from leaderboard.export.frames import rows
from leaderboard.export.model import Table
from leaderboard.export.provenance import Provenance, provenance
from leaderboard.export.request import FIGURES, Request, check

if TYPE_CHECKING:
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["printed", "render"]

_PRINTED: Mapping[str, Callable[[Board, DataFrame, Request], Table]] = {
    "board": board_table,
    "overall": overall_table,
    "attacks": attacks_table,
    "strata": strata_table,
    "pairs": pairs_table,
    "runs": runs_table,
}


def render(board: Board, request: Request) -> bytes:
    """The export that a request asks for: the bytes of one file, the same for the same board and request.

    Raises:
        UnknownName: the request names a suite, scenario, entry or submission that the board does not have.
        LeakboardError: the request cannot be fulfilled; the message lists everything that is wrong with it.
    """
    check(request)
    source = provenance(board, request)
    if request.what in FIGURES:
        from leaderboard.export.figures import figure

        return figure(board, request, source)
    return _table(board, request, source)


def printed(board: Board, request: Request) -> Table:
    """The table that the printed formats of a request show."""
    return _PRINTED[request.what](board, rows(board, request, request.what), request)


def _table(board: Board, request: Request, source: Provenance) -> bytes:
    if request.format == "bib":
        from leaderboard.export.bib import to_bib

        return to_bib(board, request, source).encode()
    if request.format in ("csv", "parquet"):
        from leaderboard.export.data import to_csv, to_parquet

        frame = rows(board, request, request.what)
        if request.format == "parquet":
            return to_parquet(frame, request.what, source)
        return to_csv(frame, request.what, request, source).encode()
    return _text(printed(board, request), request, source).encode()


def _text(table: Table, request: Request, source: Provenance) -> str:
    if request.format == "latex":
        from leaderboard.export.latex import to_latex

        return to_latex(table, request, source)
    if request.format == "markdown":
        from leaderboard.export.markdown import to_markdown

        return to_markdown(table, request, source)
    from leaderboard.export.html import to_html

    return to_html(table, request, source)
