"""A writer that is killed at any moment leaves whole cells or none, and the next one goes on where it stopped."""

from __future__ import annotations

import random
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from harness.store import Store
from tests.stand_ins.store_writer import RECORDS, rebuild, start, write


def finish(writer: ForkServerProcess) -> None:
    writer.join()
    assert writer.exitcode == 0


def content(path: Path) -> list[list[dict[str, Any]]]:
    with Store.open(path, read_only=True) as store:
        return [store.query(f"SELECT * FROM {table} ORDER BY ALL") for table in ("runs", "cells", "scores")]


def broken_cells(path: Path) -> list[dict[str, Any]]:
    """Cells without all of their 200 scores, and scores without a cell."""
    with Store.open(path, read_only=True) as store:
        return store.query(
            "SELECT c.key, s.cell_key, count(s.record) AS n FROM cells c FULL JOIN scores s ON s.cell_key = c.key "
            "GROUP BY ALL HAVING n <> 200 OR c.key IS NULL"
        )


def files(path: Path) -> dict[str, bytes]:
    root = path.with_suffix(".files")
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_killed_writers_and_an_uninterrupted_one_leave_the_same(tmp_path: Path) -> None:
    rng = random.Random(5)
    killed, whole = tmp_path / "killed.duckdb", tmp_path / "whole.duckdb"
    finish(start(write, whole))
    progress = []
    for _ in range(5):
        writer = start(write, killed)
        time.sleep(rng.uniform(0, 0.25))
        writer.kill()
        writer.join()
        assert writer.exitcode in (-signal.SIGKILL, 0)
        assert broken_cells(killed) == []
        progress.append(len(files(killed)))
    assert progress == sorted(progress)
    finish(start(write, killed))
    assert content(killed) == content(whole)
    assert files(killed) == files(whole)


def test_killed_while_taking_in_files(tmp_path: Path) -> None:
    path, rebuilt = tmp_path / "a.duckdb", tmp_path / "b.duckdb"
    finish(start(write, path))
    expected = content(path)
    path.with_suffix(".files").rename(rebuilt.with_suffix(".files"))
    for wait in (0.03, 0.1):
        worker = start(rebuild, rebuilt)
        time.sleep(wait)
        worker.kill()
        worker.join()
    assert Store.rebuild(rebuilt) == RECORDS
    assert content(rebuilt) == expected
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["a.duckdb", "b.duckdb", "b.files"]
