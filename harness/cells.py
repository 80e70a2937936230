"""Computing one cell: an attack's guess scored record by record, or a utility task."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from harness.attack import DefenseCard
from harness.errors import LeakboardError
from harness.laws import confirmed_laws, declared_laws
from harness.plan import CellPlan, RunPlan, make_attack
from harness.runner import KNOCKOUT, Outcome, Runner
from harness.schema import CellRecord, LedgerEntry, Score
from harness.seeds import torch_generator
from harness.view import Bank, RunView
from harness.wire import WireLog

__all__ = ["FinishedRun", "compute_attack", "compute_blind_utility", "compute_utility", "failed_cell"]

CONFIRMING_TEXTS = 4
"""Simulated texts on which a declared noise law is checked."""


@dataclass(frozen=True)
class FinishedRun:
    """A run with everything its cells need."""

    plan: RunPlan
    log: WireLog
    predictions: Mapping[str, Any]
    ledger: tuple[LedgerEntry, ...]
    own: WireLog = field(default_factory=WireLog)

    @classmethod
    def from_outcome(cls, plan: RunPlan, outcome: Outcome) -> FinishedRun:
        """A run just executed."""
        return cls(plan, outcome.log, outcome.predictions, outcome.ledger, outcome.own)

    def files(self) -> dict[str, bytes]:
        """The evictable artefact: wire log and predictions."""
        found = {"wire.bin": self.log.to_bytes(), "predictions.json": json.dumps(self.predictions).encode()}
        return found | ({"own.bin": self.own.to_bytes()} if self.own.entries else {})

    @classmethod
    def from_files(cls, plan: RunPlan, ledger: tuple[LedgerEntry, ...], folder: Path) -> FinishedRun:
        """Inverse of :meth:`files`."""
        log = WireLog.from_bytes((folder / "wire.bin").read_bytes())
        own = folder / "own.bin"
        kept = WireLog.from_bytes(own.read_bytes()) if own.exists() else WireLog()
        return cls(plan, log, json.loads((folder / "predictions.json").read_text()), ledger, kept)


def make_bank(finished: FinishedRun, runner: Runner) -> Bank:
    """The simulation bank of a run, with the entry's budget."""
    plan = finished.plan
    budget = int(plan.entry.entitlement.get("simulate_budget", 512))
    submission = plan.submission if plan.submission.hash != "" else None
    return Bank(runner, plan.deployment, submission, plan.task.point, plan.key, budget)


def defense_card(finished: FinishedRun, bank: Bank) -> DefenseCard:
    """What everyone may know of the run's defense, with its noise laws confirmed on a few simulated texts."""
    plan = finished.plan
    laws = declared_laws(finished.ledger)
    if laws:
        texts = tuple(r.text for r in plan.deployment.public.auxiliary[:CONFIRMING_TEXTS])
        laws = confirmed_laws(laws, bank.simulate(texts, 1))
    source = "\n".join(path.read_text() for path in sorted(plan.submission.folder.glob("*.py")))
    return DefenseCard(plan.submission.name, plan.task.parameters, source, laws)


def compute_attack(cell: CellPlan, finished: FinishedRun, bank: Bank, card: DefenseCard) -> CellRecord:
    """Run one attack variant and score its guess."""
    assert cell.attack is not None
    started = time.perf_counter()
    attack = make_attack(cell.attack)
    deployment = cell.run.deployment
    refusal = attack.refuses(deployment.public)
    if refusal is not None:
        return _record(cell, status="not_applicable", reason=refusal)
    rng = torch_generator("attack", *cell.run.axes, cell.name, cell.variant)
    secret = deployment.secrets[cell.attack.secret]
    adaptive, targets = cell.variant == "adaptive", frozenset(secret.records)
    view = RunView(deployment.public, card, adaptive, rng, bank, finished.log, deployment.known, targets)
    scores = secret.score(attack.guess(view))
    return _record(cell, scores=scores, seconds=time.perf_counter() - started)


def compute_utility(cell: CellPlan, finished: FinishedRun, reference: FinishedRun) -> CellRecord:
    """Score predictions; a knock-out run is scored on the sessions it had."""
    assert cell.task is not None
    started = time.perf_counter()
    scores = cell.task.score(finished.predictions, reference.predictions)
    kept = scores
    if finished.plan.task.behaviour == KNOCKOUT:
        present = {item.id for plan in finished.plan.deployment.parties.values() for item in plan.items}
        kept = tuple(score for score in scores if score.record in present or score.record in finished.predictions)
    return _record(cell, scores=kept, seconds=time.perf_counter() - started)


def compute_blind_utility(cell: CellPlan) -> CellRecord:
    """What a guess without inputs earns: one of the references that utility is measured from."""
    assert cell.task is not None
    return _record(cell, scores=cell.task.blind())


def failed_cell(cell: CellPlan, error: Exception) -> CellRecord:
    """The cell of a run or attack that ended in an error, with a readable reason."""
    what = str(error) if isinstance(error, LeakboardError) else f"{type(error).__name__}: {error}"
    return _record(cell, status="error", reason=what)


def _record(
    cell: CellPlan, status: str = "ok", reason: str | None = None, scores: tuple[Score, ...] = (), seconds: float = 0.0
) -> CellRecord:
    run = cell.run
    return CellRecord(
        key=cell.key,
        run_key=run.key,
        suite=run.suite.label,
        entry=run.entry.name,
        scenario=run.entry.scenario,
        submission=run.submission.name,
        point=run.task.point,
        seed=run.seed,
        behaviour=run.task.behaviour,
        role=cast('Literal["attack", "blind", "utility", "control"]', cell.role),
        name=cell.name,
        variant=cell.variant,
        secret=cell.attack.secret if cell.attack else "",
        status=cast('Literal["ok", "error", "void", "not_applicable"]', status),
        reason=reason,
        scores=scores,
        seconds=seconds,
        created=datetime.now(UTC).isoformat(),
    )


