"""Diagnostics are reported from the live run, and nothing that is ranked changes by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.schema import CellRecord, Score
from leaderboard.build import build_board
from leaderboard.bundles import write_bundle
from leaderboard.diagnostics import diagnostic_rows
from leaderboard.queries import open_board
from tests.leaderboard.make import TINY, records


def cell(scores: np.ndarray, labels: np.ndarray, name: str = "nearest_record") -> CellRecord:
    """A diagnostic with these scores in the live run, and a shadow's turned about."""
    plain = next(one for one in records(TINY[:1]) if isinstance(one, CellRecord) and one.role == "attack")
    rows = [
        Score(record=f"{target}:k{i}", metric=metric, value=float(value))
        for target in (0, 1)
        for i, (score, label) in enumerate(zip(scores, labels, strict=True))
        for metric, value in (("score", score if target == 0 else -score), ("label", label))
    ]
    return plain.model_copy(
        update={"name": name, "key": name, "role": "diagnostic", "secret": "membership", "scores": tuple(rows)}
    )


def test_a_diagnostic_is_the_live_runs_separation() -> None:
    labels = np.arange(40) % 2 == 0
    [clear] = diagnostic_rows([cell(labels.astype(float), labels)])
    assert (clear["auc"], clear["n"]) == (1.0, 40) and clear["p"] < 1e-6
    [none] = diagnostic_rows([cell(np.ones(40), labels)])
    assert none["auc"] == 0.5 and none["p"] > 0.4


def test_one_sided_and_failed_diagnostics_have_no_row() -> None:
    labels = np.ones(10, dtype=bool)
    failed = cell(np.arange(10.0), np.arange(10) % 2 == 0).model_copy(update={"status": "error"})
    assert diagnostic_rows([cell(np.arange(10.0), labels), failed]) == []


def test_a_perfect_diagnostic_changes_no_score(tmp_path: Path) -> None:
    labels = np.arange(40) % 2 == 0
    plain = list(records(TINY[:2]))
    boards = []
    for name, extra in (("without", []), ("with", [cell(labels.astype(float), labels)])):
        write_bundle(tmp_path / f"{name}.jsonl.gz", [*plain, *extra])
        boards.append(open_board(build_board([tmp_path / f"{name}.jsonl.gz"], tmp_path / f"{name}.board")))
    for table in ("board", "attacks", "overall", "pairs"):
        first, second = (board.table(table) for board in boards)
        assert first.equals(second)
    assert [len(board.diagnostics()) for board in boards] == [0, 1]
