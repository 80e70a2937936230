"""Times of exports of the whole board of 1,000 submissions with 5 operating points on 8 entries, 40,000 rows.

Ratios against the simplest way to the same rows: DuckDB's own COPY of the table to a file.

Run: ``python -m benchmarks.export [SUBMISSIONS]``.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.board import best

if TYPE_CHECKING:
    from leaderboard.export import Request
    from leaderboard.queries import Board

BUDGETS = {"csv": 2.0, "parquet": 2.0, "latex": 2.0}
"""Seconds on two cores."""


def copy(board: Path, target: Path, options: str) -> None:
    """The baseline: one statement, no guard, no provenance, no title."""
    import duckdb

    with duckdb.connect(str(board), read_only=True) as connection:
        connection.execute(f"COPY board TO '{target}' ({options})")


def main(submissions: int) -> None:
    """Make the board, time it, print."""
    from leaderboard.export import Request
    from leaderboard.queries import open_board
    from tests.stand_ins.large_board import big_board

    with tempfile.TemporaryDirectory() as folder:
        path = big_board(Path(folder, "big.board.duckdb"), submissions, attacks=1, seeds=1)
        board = open_board(path)
        print(f"{submissions} submissions, {len(board.board())} rows")
        out = Path(folder, "out")
        baselines = {
            "csv": best(lambda: copy(path, out, "FORMAT csv, HEADER"), 3),
            "parquet": best(lambda: copy(path, out, "FORMAT parquet"), 3),
        }
        for form in ("csv", "parquet", "latex", "markdown"):
            request = Request("board", form, date="2026-01-02")
            seconds = best(partial(_write, out, board, request), 3)
            base, name = baselines.get(form, baselines["csv"]), form if form in baselines else "csv"
            size = out.stat().st_size / 1e6
            remark = "" if seconds <= BUDGETS.get(form, seconds) else f"  OVER the budget of {BUDGETS[form]} s"
            print(f"{form}: {seconds:.2f} s, {size:.1f} MB, {seconds / base:.1f} x DuckDB's COPY to {name}{remark}")


def _write(out: Path, board: Board, request: Request) -> None:
    from leaderboard.export import render

    out.write_bytes(render(board, request))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
