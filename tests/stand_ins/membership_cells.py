"""Cells of membership attacks with a known truth, and runs with a claim."""

from __future__ import annotations

from functools import cache
from math import exp
from typing import Any

import numpy as np

from harness.score.audit import disclosure_bound
from harness.store.schema import CellRecord, RunRecord, Score, Verdict
from tests.stand_ins.stored_results import TINY, records

__all__ = ["any_run", "claimed", "disclosure_cell", "informed_cell", "membership_cell", "responses", "runs_claiming"]


@cache
def _any_attack() -> CellRecord:
    return next(record for record in records(TINY[:1]) if isinstance(record, CellRecord) and record.role == "attack")


@cache
def any_run() -> RunRecord:
    """A run that changes make a claimant or a holder of copies."""
    return next(record for record in records(TINY[:1]) if isinstance(record, RunRecord))


@cache
def _score(record: str, metric: str, value: float) -> Score:
    """A score; validated once, as truths and answers of few kinds return by the hundred thousand."""
    return Score(record=record, metric=metric, value=value)


def membership_cell(name: str, scores: np.ndarray, labels: np.ndarray, **changes: Any) -> CellRecord:
    """A membership cell with these canaries in its live run, and a shadow's that must not count."""
    plain = _any_attack()
    rows = [
        _score(record=f"{target}:k{i}", metric=metric, value=float(value))
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


def disclosure_cell(matched: tuple[int, int], sizes: tuple[int, int], **changes: Any) -> CellRecord:
    """A cell that carries the bound of a disclosure test on these counts, of average records."""
    labels = np.arange(sum(sizes)) < sizes[0]
    hits = np.concatenate([np.arange(size) < hit for hit, size in zip(matched, sizes, strict=True)])
    rows = [
        _score(record=f"0:r{i}", metric=metric, value=float(value))
        for i, (hit, label) in enumerate(zip(hits, labels, strict=True))
        for metric, value in (("score", 3 * hit), ("label", label), ("canary", 0))
    ]
    bound = disclosure_bound(*matched, *sizes, alpha=0.05)
    fact = {"epsilon": bound.epsilon, "ceiling": 9.0, "p_value": 0.01, "alpha": 0.05}
    return membership_cell("echo", np.ones(1), np.ones(1)).model_copy(
        update={"key": "echo", "scores": tuple(rows), "facts": {"bound": fact}, **changes}
    )


def informed_cell(scores: np.ndarray, labels: np.ndarray, **changes: Any) -> CellRecord:
    """A cell of an informed attack: scores and truth ``[targets, canaries]``, and an average record of each target."""
    rows = [
        _score(record=f"{target}:k{i}", metric=metric, value=float(value))
        for target in range(len(scores))
        for i in range(scores.shape[1])
        for metric, value in (("score", scores[target, i]), ("label", labels[target, i]), ("canary", 1))
    ]
    rows += [
        _score(record=f"{target}:average", metric=metric, value=value)
        for target in range(len(scores))
        for metric, value in (("score", 1e9), ("label", 0.0), ("canary", 0.0))
    ]
    knowing = membership_cell("knowing", np.ones(1), np.ones(1))
    return knowing.model_copy(update={"role": "informed", "scores": tuple(rows), "key": "i0", **changes})


def claimed(epsilon: float, delta: float = 0.0, **changes: str) -> Verdict:
    said = {"unit": "record", "adjacency": "add_remove", "view": "server"} | changes
    return Verdict(status="unverified", reason="made elsewhere", claimed=epsilon, delta=delta, **said)


def runs_claiming(verdict: Verdict, membership: CellRecord) -> dict[str, RunRecord]:
    run = any_run()
    return {membership.run_key: run.model_copy(update={"key": membership.run_key, "verdict": verdict})}
