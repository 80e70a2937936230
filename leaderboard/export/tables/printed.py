"""The printed table that a request asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from leaderboard.export.frames import requested_rows
from leaderboard.export.request import Request
from leaderboard.export.tables.board_table import board_table, overall_table
from leaderboard.export.tables.detail_tables import attacks_table, pairs_table, runs_table, strata_table
from leaderboard.export.tables.model import PrintedTable

if TYPE_CHECKING:
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["printed_table"]

_PRINTED: Mapping[str, Callable[[Board, DataFrame, Request], PrintedTable]] = {
    "board": board_table,
    "overall": overall_table,
    "attacks": attacks_table,
    "strata": strata_table,
    "pairs": pairs_table,
    "runs": runs_table,
}


def printed_table(board: Board, request: Request) -> PrintedTable:
    """The table that the printed formats of a request show."""
    return _PRINTED[request.what](board, requested_rows(board, request, request.what), request)
