"""Lower bounds on epsilon from membership cells, with mechanisms of known epsilon."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import pytest

from harness.schema import CellRecord, RunRecord, Score
from leaderboard.bounds import ALPHA, COPIES, bound_rows
from tests.leaderboard.make import TINY, records


def cell(name: str, scores: np.ndarray, labels: np.ndarray, **changes: Any) -> CellRecord:
    """A membership cell with these canaries in its live run, and a shadow's that must not count."""
    plain = next(one for one in records(TINY[:1]) if isinstance(one, CellRecord) and one.role == "attack")
    rows = [
        Score(record=f"{target}:k{i}", metric=metric, value=float(value))
        for target in (0, 1)
        for i, (score, label) in enumerate(zip(scores, labels, strict=True))
        for metric, value in (("score", score if target == 0 else -score), ("label", label), ("canary", 1))
    ]
    return plain.model_copy(update={"name": name, "key": name, "scores": tuple(rows), **changes})


def responses(epsilon: float, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Randomised responses: exactly epsilon-private answers about independent fair coins."""
    labels = rng.random(count) < 0.5
    right = rng.random(count) < exp(epsilon) / (1 + exp(epsilon))
    return np.where(right, labels, ~labels).astype(float), labels


def test_a_perfect_attack_reaches_its_ceiling() -> None:
    labels = np.random.default_rng(0).random(300) < 0.5
    [row] = bound_rows([cell("perfect", labels.astype(float), labels)])
    assert row["epsilon"] == pytest.approx(row["ceiling"], abs=1e-3) and row["ceiling"] > 3
    assert row["alpha"] == ALPHA and row["method"] == "one-run audit"


def test_a_record_has_its_share_of_what_is_proven_for_its_copies() -> None:
    labels = np.random.default_rng(0).random(300) < 0.5
    one = cell("perfect", labels.astype(float), labels)
    run = next(r for r in records(TINY[:1]) if isinstance(r, RunRecord))
    run = run.model_copy(update={"key": one.run_key, "entitlement": {COPIES: 4}})
    [alone], [shared] = bound_rows([one]), bound_rows([one], {run.key: run})
    assert (shared["epsilon"], shared["ceiling"]) == (alone["epsilon"] / 4, alone["ceiling"] / 4)


def test_bounds_of_a_known_mechanism_hold_and_are_not_idle() -> None:
    rng = np.random.default_rng(1)
    found = [bound_rows([cell(f"c{i}", *responses(2.0, 2000, rng))])[0]["epsilon"] for i in range(40)]
    assert np.mean(np.array(found) > 2.0) <= 0.15
    assert np.median(found) > 1.2


def test_noise_proves_nothing_and_audits_share_alpha() -> None:
    rng = np.random.default_rng(2)
    labels = rng.random(200) < 0.5
    rows = bound_rows([cell(f"n{i}", rng.random(200), labels) for i in range(5)])
    assert {row["alpha"] for row in rows} == {ALPHA / 5}
    assert all(row["epsilon"] < 0.5 for row in rows)


def test_failed_cells_and_few_canaries_have_no_bound_and_facts_are_carried() -> None:
    labels = np.arange(10) % 2 == 0
    fact = {"epsilon": 0.4, "ceiling": 2.0, "p_value": 0.01, "alpha": 0.05}
    few = cell("few", labels.astype(float), labels)
    carried = cell("carried", labels.astype(float), labels, facts={"bound": fact})
    failed = cell("failed", np.ones(50), np.ones(50, dtype=bool), status="error")
    [row] = bound_rows([few, carried, failed])
    assert (row["attack"], row["method"], row["epsilon"], row["ceiling"]) == ("carried", "phantoms", 0.4, 2.0)
