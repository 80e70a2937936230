"""Diagnostics are reported from the live run, and nothing that is ranked changes by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.store.bundles import write_bundle
from harness.store.schema import CellRecord, Score
from leaderboard.build import build_board
from leaderboard.build.diagnostics import diagnostic_rows
from leaderboard.queries import open_board
from tests.stand_ins.stored_results import TINY, records


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


def informed(scores: np.ndarray, labels: np.ndarray) -> CellRecord:
    """An informed attack with these scores ``[targets, candidates]``."""
    rows = [
        Score(record=f"{target}:k{i}", metric=metric, value=float(value[target, i]))
        for target in range(len(scores))
        for i in range(scores.shape[1])
        for metric, value in (("score", scores), ("label", labels))
    ]
    knowing = cell(np.ones(1), np.ones(1, dtype=bool), "knowing")
    return knowing.model_copy(update={"role": "informed", "scores": tuple(rows)})


def test_informed_guesses_are_compared_between_targets_alone() -> None:
    """One noise for all guesses of a target: its members score above its others whatever the noise is."""
    rng = np.random.default_rng(0)
    labels = rng.random((80, 25)) < 0.5
    scores = labels + 1e4 * rng.normal(size=(80, 1))
    [row] = diagnostic_rows([informed(scores, labels)])
    assert row["n"] == 2000 and row["p"] is None and abs(row["auc"] - 0.5) < 0.05
    pairs = [
        (float(scores[t, i] > scores[u, j]) + float(scores[t, i] == scores[u, j]) / 2)
        for t in range(4)
        for u in range(4)
        if t != u
        for i in range(25)
        for j in range(25)
        if labels[t, i] and not labels[u, j]
    ]
    [few] = diagnostic_rows([informed(scores[:4], labels[:4])])
    assert few["auc"] == pytest.approx(np.mean(pairs))
    assert diagnostic_rows([informed(scores[:1], labels[:1])]) == []
    [perfect] = diagnostic_rows([informed(labels.astype(float), labels)])
    assert perfect["auc"] == 1.0


@pytest.mark.parametrize("role", ["diagnostic", "informed"])
def test_a_perfect_diagnostic_changes_no_score(tmp_path: Path, role: str) -> None:
    labels = np.arange(40) % 2 == 0
    plain = list(records(TINY[:2]))
    boards = []
    perfect = cell(labels.astype(float), labels).model_copy(update={"role": role})
    for name, extra in (("without", []), ("with", [perfect])):
        write_bundle(tmp_path / f"{name}.jsonl.gz", [*plain, *extra])
        boards.append(open_board(build_board([tmp_path / f"{name}.jsonl.gz"], tmp_path / f"{name}.board")))
    for table in ("board", "attacks", "overall", "pairs"):
        first, second = (board.table(table) for board in boards)
        assert first.equals(second)
    assert [len(board.diagnostics()) for board in boards] == [0, 1]
