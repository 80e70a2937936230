"""A writer that is killed at any moment leaves whole cells or none, and the next one goes on where it stopped."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from harness.store import Store

ROOT = Path(__file__).resolve().parents[3]

WRITER = """
import sys
from harness.util.keys import key
from harness.store.schema import CellRecord, Environment, RunRecord, Score
from harness.store import Store

import pyarrow  # so that all that follows "ready" is writing

common = dict(suite="t@1", entry="e", scenario="s", submission="q", point=0)
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    for seed in range(6):
        run = key("run", seed)
        if store.artefact_dir(run) is None:
            store.put_artefact(run, {f"{n}.bin": bytes([seed]) * 5000 for n in range(3)})
        if store.run(run) is None:
            made = dict(submission_hash="0", parameters={}, environment=Environment(leakboard="0"))
            store.put_run(RunRecord(key=run, seed=seed, **made, **common))
        for number in range(4):
            cell = key("cell", seed, number)
            if not store.has_cell(cell):
                scores = tuple(Score(record=str(i), metric="m", value=i / 7 + number) for i in range(200))
                made = dict(run_key=run, seed=seed, role="attack", name="a", scores=scores)
                store.put_cell(CellRecord(key=cell, **made, **common))
"""


def start(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(writer: subprocess.Popen[str]) -> None:
    _, errors = writer.communicate()
    assert writer.returncode == 0, errors


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
    finish(start(whole))
    progress = []
    for _ in range(5):
        writer = start(killed)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.25))
        writer.kill()
        writer.communicate()
        assert writer.returncode in (-signal.SIGKILL, 0)
        assert broken_cells(killed) == []
        progress.append(len(files(killed)))
    assert progress == sorted(progress)
    finish(start(killed))
    assert content(killed) == content(whole)
    assert files(killed) == files(whole)


def test_killed_while_taking_in_files(tmp_path: Path) -> None:
    path, rebuilt = tmp_path / "a.duckdb", tmp_path / "b.duckdb"
    finish(start(path))
    expected = content(path)
    path.with_suffix(".files").rename(rebuilt.with_suffix(".files"))
    code = "import sys\nfrom harness.store import Store\nprint(flush=True)\nStore.rebuild(sys.argv[1])"
    for wait in (0.3, 0.6):
        command = [sys.executable, "-c", code, str(rebuilt)]
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(wait)
        worker.kill()
        worker.communicate()
    assert Store.rebuild(rebuilt) == 30
    assert content(rebuilt) == expected
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["a.duckdb", "b.duckdb", "b.files"]
