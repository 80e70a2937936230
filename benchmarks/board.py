"""Times of the board, as ratios against the simplest thing that could show the same numbers: reading its table.

Each submission has 5 operating points on 8 entries, 20 attacks and 3 seeds: 2.4 million cells for 1,000 of them. Cold
is a fresh process.

Run: ``python -m benchmarks.board [SUBMISSIONS]``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BUDGETS = {"page, warm": 0.5, "page, cold": 2.0, "export frame, warm": 2.0, "shipped board, fresh clone": 5.0}
"""Seconds on two cores."""

PAGE = """
import sys
from leaderboard.queries import open_board, with_weights
frame = with_weights(open_board(sys.argv[1]).board(), 0.5, 0.3, 0.2)
assert len(frame)
"""
SHIPPED = """
import sys, tempfile
from pathlib import Path
from harness.plugins import registry
from leaderboard.build import current_board
with tempfile.TemporaryDirectory() as folder:
    current_board([registry.results()], Path(folder, "b.duckdb"))
"""
IMPORTS = "import duckdb, pandas, pyarrow"


def best(work: Callable[[], object], times: int = 5) -> float:
    """Fastest of several repetitions, in seconds."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def fresh(code: str, path: Path) -> float:
    """Fastest of three fresh processes."""
    command = [sys.executable, "-c", code, str(path)]
    return best(lambda: subprocess.run(command, check=True), 3)


def main(submissions: int) -> None:
    """Make the board, time it, print."""
    from leaderboard.queries import open_board, pareto, with_weights
    from tests.stand_ins.large_board import big_board

    with tempfile.TemporaryDirectory() as folder:
        path = big_board(Path(folder, "big.board.duckdb"), submissions)
        board = open_board(path)
        cells = int(board.meta()["cells"])
        size = path.stat().st_size / 1e6
        print(f"{submissions} submissions, {len(board.board())} rows, {cells} cells, {size:.0f} MB")
        raw = best(lambda: board.table("board"))
        timed = {
            "reading the table (baseline)": raw,
            "page, warm": best(lambda: with_weights(board.board(), 0.5, 0.3, 0.2)),
            "page, stored weights": best(board.board),
            "page, one entry": best(lambda: with_weights(board.board(entry="entry-3"), 0.5, 0.3, 0.2)),
            "tiers of what is shown": best(lambda: pareto(board.board(family="compression"))),
            "one defense's attacks": best(lambda: board.attacks(submissions="defense_0007")),
            "export frame, warm": best(lambda: (board.board(), board.overall(), board.headline(), board.submissions())),
            "page, cold": fresh(PAGE, path),
            "imports alone, cold": fresh(IMPORTS, path),
        }
        if _is_shipped():
            timed["shipped board, fresh clone"] = fresh(SHIPPED, path)
    for name, seconds in timed.items():
        print(f"{name:32} {seconds:8.3f} s  {seconds / raw:6.2f} x baseline{_verdict(name, seconds)}")


def _is_shipped() -> bool:
    """Say whether a board is shipped with the records that fits them: otherwise opening it is building it."""
    from harness.plugins import registry
    from leaderboard.build.shipped import unpack

    results = registry.results()
    with tempfile.TemporaryDirectory() as folder:
        return results is not None and not unpack(results, Path(folder, "b.duckdb"), "")


def _verdict(name: str, seconds: float) -> str:
    if name not in BUDGETS:
        return ""
    return f"  budget {BUDGETS[name]:g} s: {'kept' if seconds < BUDGETS[name] else 'EXCEEDED'}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
