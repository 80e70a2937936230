"""Writers of a store in processes of their own, which can be killed at any moment.

All are forked from one process that has imported what they need, so that each starts in milliseconds.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import duckdb  # noqa: F401 (so that all that follows "ready" is writing)
import pyarrow  # noqa: F401 (likewise)

from harness.store import Store
from harness.store.schema import CellRecord, Environment, RunRecord, Score
from harness.util.keys import key

__all__ = ["RECORDS", "rebuild", "start", "write"]

RUNS, CELLS = 6, 4
RECORDS = RUNS * (1 + CELLS)
"""Runs and cells that a writer leaves."""


def start(work: Callable[[Path, Connection], None], path: Path) -> ForkServerProcess:
    """A process that does ``work`` on the store at ``path``, as soon as it says that it is ready."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(path, theirs))
    process.start()
    theirs.close()
    with ours:
        assert ours.recv() == "ready"
    return process


def write(path: Path, ready: Connection) -> None:
    """Write what the store at ``path`` lacks of six runs with artefacts and four cells each."""
    common = {"suite": "t@1", "entry": "e", "scenario": "s", "submission": "q", "point": 0}
    with Store.open(path) as store:
        ready.send("ready")
        for seed in range(RUNS):
            run = key("run", seed)
            if store.artefact_dir(run) is None:
                store.put_artefact(run, {f"{n}.bin": bytes([seed]) * 5000 for n in range(3)})
            if store.run(run) is None:
                fields = {"submission_hash": "0", "parameters": {}, "environment": Environment(leakboard="0")}
                store.put_run(RunRecord.model_validate({"key": run, "seed": seed, **fields, **common}))
            for number in range(CELLS):
                cell = key("cell", seed, number)
                if not store.has_cell(cell):
                    scores = tuple(Score(record=str(i), metric="m", value=i / 7 + number) for i in range(200))
                    fields = {"run_key": run, "seed": seed, "role": "attack", "name": "a", "scores": scores}
                    store.put_cell(CellRecord.model_validate({"key": cell, **fields, **common}))


def rebuild(path: Path, ready: Connection) -> None:
    """Make the database at ``path`` afresh from its files."""
    ready.send("ready")
    Store.rebuild(path)
