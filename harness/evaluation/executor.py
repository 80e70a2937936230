"""Executing planned cells: runs made once, cells attacked or scored and committed one by one, from several threads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from threading import Event, RLock
from typing import Any, Protocol

from harness.dp.claims import judge, sealed_kinds
from harness.errors import CodecError, DefenseError, LeakboardError, ProtocolError
from harness.evaluation.cells import (
    Banks,
    compute_alike,
    compute_attack,
    compute_blind_utility,
    compute_replay,
    compute_solo,
    compute_utility,
    defense_card,
    failed_cell,
    failure,
    make_banks,
    replayed,
)
from harness.evaluation.finished_run import FinishedRun
from harness.evaluation.plan import SOLO, CellPlan, RunPlan
from harness.integrity.salts import commitment
from harness.protocol.behaviours import HONEST
from harness.runtime.runner import Runner
from harness.store import Store
from harness.store.archive import Archive
from harness.store.schema import CellRecord, Costs, Environment, RunRecord, Verdict
from harness.util.caching import once
from harness.util.seeds import PUBLIC_SALT

__all__ = ["Job", "Progress", "execute"]


class Progress(Protocol):
    """The listener to an evaluation's progress."""

    def asset(self, label: str, done: int, total: int) -> None:
        """Bytes of a file that are fetched so far."""

    def plan(self, total_cells: int) -> None:
        """The number of cells that the evaluation consists of."""

    def start(self, cell_label: str) -> None:
        """A cell or a run is begun."""

    def done(self, cell_label: str, status: str, seconds: float) -> None:
        """A cell is committed."""


def execute(job: Job, cells: Sequence[CellPlan], threads: int) -> None:
    """Compute what the store lacks of ``cells``, up to ``threads`` runs at a time; results do not depend on how many.

    The first error that is not a submission's own ends the job when the cells in work are committed.
    """
    groups = [list(group) for _, group in groupby(cells, key=lambda cell: cell.run.key)]
    # Undefended runs first: everything else is compared with them.
    groups.sort(key=lambda group: not _undefended(group[0].run))
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(job.run, group) for group in groups]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()
        finally:
            job.stop.set()
            pool.shutdown(cancel_futures=True)


def _undefended(run: RunPlan) -> bool:
    return run.submission.name == "none" and run.execution.behaviour == HONEST


def _may_be_a_submissions(error: Exception, run: RunPlan) -> bool:
    """True where a run's error is an outcome of the run: the submission's own, or one of protocol and accounting met
    with what it sent. Without a defense the latter are bugs of the harness; missing files are never an outcome."""
    if isinstance(error, DefenseError):
        return True
    ours = isinstance(error, LeakboardError) and not isinstance(error, CodecError | ProtocolError)
    return not (ours or isinstance(error, OSError) or run.submission.name == "none")


@dataclass
class Job:
    """Computes the cells of runs; keeps the undefended runs for utility references. Safe to share between threads."""

    store: Store
    runner: Runner
    progress: Progress
    environment: Environment
    computed: int = 0
    reused: int = 0
    stop: Event = field(default_factory=Event)
    """Set to end after the cells in work."""
    _finished: dict[str, FinishedRun] = field(default_factory=dict)
    _failed: dict[str, str] = field(default_factory=dict)
    """Why a run failed in this job: it is tried once in each."""
    _lock: RLock = field(default_factory=RLock)
    """Of the store, the counts and the progress display: one thread at a time."""
    _making: dict[str, RLock] = field(default_factory=lambda: defaultdict(RLock))
    """Of each run: who needs one that is being made waits for it."""

    def __post_init__(self) -> None:
        self.archive = Archive(self.store, self._lock)

    def run(self, cells: list[CellPlan]) -> None:
        """All cells of one run; what is stored is reused, what fails is stored as an error."""
        missing = self._missing(cells)
        if not missing or self.stop.is_set():
            return
        self.runner.warm()
        try:
            finished = self._finish(missing[0].run, missing[0].reference)
        except DefenseError as error:
            self._commit([failed_cell(cell, error) for cell in missing], missing)
            return
        with ExitStack() as ending:

            def open_banks() -> Banks:
                opened = make_banks(finished, self.runner, missing[0].reference, self.archive)
                ending.callback(opened.simulations.defenses.close)  # ends the worker that attackers ask
                return opened

            self._compute(missing, finished, cache(open_banks))
        if missing[0].run.submission.name != "none":
            for run in (missing[0].run, *(cell.beside for cell in missing if cell.beside is not None)):
                self._finished.pop(run.key, None)  # wire logs are large, and the store has them

    def _compute(self, missing: Sequence[CellPlan], finished: FinishedRun, banks: Callable[[], Banks]) -> None:
        """Compute and commit the cells of a finished run one by one."""
        messages = once(lambda: replayed(finished, self.runner))
        card: Any = None
        for cell in missing:
            if self.stop.is_set():
                return
            self._say(cell.label)
            try:
                if cell.role == "utility":
                    assert cell.reference is not None
                    record = compute_utility(cell, finished, self._finish(cell.reference))
                elif cell.name == SOLO:
                    record = compute_solo(cell, finished, self.runner)
                elif cell.role == "control":
                    if cell.beside is not None:
                        record = compute_alike(cell, finished, self._finish(cell.beside), banks())
                    else:
                        record = compute_replay(cell, finished, messages(), banks())
                elif cell.attack is None:
                    record = compute_blind_utility(cell)
                else:
                    card = card or defense_card(finished, banks(), messages)
                    record = compute_attack(cell, finished, banks(), card)
            except Exception as error:  # a submission's messages may make anything fail; the reason says what and where
                record = failed_cell(cell, error)
            self._commit([record], [cell])

    def _missing(self, cells: list[CellPlan]) -> list[CellPlan]:
        with self._lock:
            missing = [cell for cell in cells if not self.store.has_result(cell.key)]
            self.reused += len(cells) - len(missing)
            for cell in cells:
                if cell not in missing:
                    self.progress.done(cell.label, "stored", 0.0)
        return missing

    def _say(self, label: str) -> None:
        with self._lock:
            self.progress.start(label)

    def _commit(self, records: list[CellRecord], cells: list[CellPlan]) -> None:
        with self._lock:
            for record, cell in zip(records, cells, strict=True):
                self.store.put_cell(record)
                self.computed += 1
                self.progress.done(cell.label, record.status, record.seconds)

    def _finish(self, plan: RunPlan, undefended: RunPlan | None = None) -> FinishedRun:
        """The run from memory, from the store's artefact, or executed now and held against the undefended one."""
        with self._lock:
            making = self._making[plan.key]
        with making:
            if plan.key in self._failed:
                raise DefenseError(self._failed[plan.key])
            if plan.key not in self._finished:
                self._finished[plan.key] = self._stored(plan) or self._execute(plan, undefended)
            return self._finished[plan.key]

    def _stored(self, plan: RunPlan) -> FinishedRun | None:
        with self._lock:
            record, folder = self.store.run(plan.key), self.store.artefact_dir(plan.key)
        if record is None or folder is None or record.status != "ok":
            return None
        return FinishedRun.from_files(plan, record.ledger, folder)

    def _execute(self, plan: RunPlan, undefended: RunPlan | None) -> FinishedRun:
        self._say(f"{plan.entry.name} s{plan.seed} {plan.submission.name} run {plan.execution.behaviour}")
        try:
            outcome = self.runner.execute(plan.deployment, plan.execution)
            self._check_operations(plan, undefended, outcome.costs)
            finished = FinishedRun.from_outcome(plan, outcome)
            files = finished.files()
            claim = plan.submission.claim_at(plan.execution.point)
            parties = tuple(plan.deployment.parties)
            verdict = judge(claim, outcome.ledger, sealed_kinds(outcome.log, parties)) if claim else None
        except Exception as error:
            if not _may_be_a_submissions(error, plan):
                raise
            why = failure(error)
            with self._lock:
                self._failed[plan.key] = why
                self.store.put_run(self._record(plan, Costs(), (), "error", why))
            raise DefenseError(why) from error
        with self._lock:
            self.store.put_artefact(plan.key, files)
            self.store.put_run(self._record(plan, outcome.costs, outcome.ledger, verdict=verdict))
        return finished

    def _check_operations(self, plan: RunPlan, undefended: RunPlan | None, costs: Costs) -> None:
        """:class:`DefenseError` where the live run in a sandbox takes many times the undefended one's operations.

        Runs of other behaviours are held against the live one by a control.
        """
        if self.runner.isolation != "sandbox" or undefended is None or plan.execution.behaviour != HONEST:
            return
        if plan.key == undefended.key:
            return
        self._finish(undefended)
        with self._lock:
            record = self.store.run(undefended.key)
        ratio = self.runner.limits.flops_ratio
        if record is not None and costs.private_flops > ratio * record.costs.private_flops > 0:
            times = costs.private_flops / record.costs.private_flops
            raise DefenseError(
                f"the private parties took {times:.3g} times the operations of the undefended run; at most {ratio:g} "
                "times are allowed in a sandbox"
            )

    def _record(
        self,
        plan: RunPlan,
        costs: Costs,
        ledger: Any,
        status: Any = "ok",
        reason: str | None = None,
        verdict: Verdict | None = None,
    ) -> RunRecord:
        deployment = plan.deployment
        sealed = {"salt": "public"} if plan.salt == PUBLIC_SALT else {"salt": "sealed", "seal": commitment(plan.salt)}
        return RunRecord(
            key=plan.key,
            **plan.columns(),
            submission_hash=plan.submission.hash,
            parameters=plan.execution.parameters,
            isolation=self.runner.isolation,
            status=status,
            reason=reason,
            costs=costs,
            ledger=ledger,
            verdict=verdict,
            entitlement={**deployment.entitlement, **plan.entry.entitlement, **sealed},
            model=deployment.model_id,
            data=deployment.data_id,
            environment=self.environment,
        )
