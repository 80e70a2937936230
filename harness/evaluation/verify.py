"""Verification: stored cells are computed again in a fresh store, all or a random sample, and compared."""

from __future__ import annotations

import math
import secrets
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np

from harness.errors import LeakboardError
from harness.evaluation.evaluate import default_jobs, distinct, prepare
from harness.evaluation.executor import Job, Progress, execute
from harness.evaluation.plan import CellPlan, plan_cells
from harness.integrity.contents import contents
from harness.integrity.labels import seal_of
from harness.integrity.salts import commitment
from harness.integrity.verifications import Verification
from harness.metrics.tolerances import EXACT, Tolerance, tolerance_of
from harness.plugins import registry
from harness.plugins.identity import undefended_submission
from harness.plugins.submission import Submission, load_submission
from harness.plugins.suite import Suite, load_suite
from harness.runtime.runner import Runner
from harness.store import CellRecord, Environment, Record, RunRecord, Store
from harness.store.files import differences
from harness.store.provenance import environment
from harness.util.seeds import PUBLIC_SALT

__all__ = ["Means", "at_most_wrong", "compare_cells", "platform_differences", "verify_records"]

_COSTS_APART = 0.02
"""Share by which the bytes and operations of a run may differ between platforms."""
_PLATFORM = ("python", "platform", "cpu", "device", "threads")


@dataclass(frozen=True)
class Means:
    """Salts, sources and suites that a verifier has at hand."""

    salts: Sequence[str] = ()
    """Salts besides the public one, revealed or the verifier's own."""
    submissions: Sequence[Path] = ()
    """Folders of submissions that are not registered."""
    suites: Sequence[Path] = ()
    """Files of suites that have no name here."""
    jobs: int | None = None
    verifier: str = "unnamed"


@dataclass
class _Group:
    """Records of one submission that one evaluation makes again."""

    suite: str
    submission: str
    source: str
    seal: str | None
    isolation: str
    runs: dict[str, RunRecord] = field(default_factory=dict)
    cells: dict[str, CellRecord] = field(default_factory=dict)


def verify_records(
    records: Sequence[Record],
    scratch: Path,
    means: Means,
    *,
    sample: int | None = None,
    level: float = 0.95,
    progress: Progress,
) -> list[Verification]:
    """Compute cells again and compare; one verification for each submission, suite, salt and isolation.

    ``sample`` cells of each are drawn at random, and besides one of each entry and operating point; None: all cells.
    The store at ``scratch`` must be a new one: nothing that is stored elsewhere is taken for computed here.
    """
    return [_verify(group, scratch, means, sample, level, progress) for group in _groups(records)]


def _groups(records: Iterable[Record]) -> list[_Group]:
    groups: dict[tuple[str, str, str, str], _Group] = {}
    records = list(records)
    home: dict[str, _Group] = {}
    for run in (record for record in records if isinstance(record, RunRecord)):
        seal = seal_of(run.entitlement)
        place = (run.suite, run.submission_hash, str(seal), run.isolation)
        group = groups.setdefault(place, _Group(run.suite, run.submission, run.submission_hash, seal, run.isolation))
        group.runs[run.key] = run
        home[run.key] = group
    for cell in (record for record in records if isinstance(record, CellRecord)):
        if cell.run_key in home:
            home[cell.run_key].cells[cell.key] = cell
    return list(groups.values())


def _verify(
    group: _Group, scratch: Path, means: Means, sample: int | None, level: float, progress: Progress
) -> Verification:
    seed = secrets.token_hex(16)
    rng = np.random.default_rng(int(seed, 16))
    population = sorted(group.cells)
    size = len(population) if sample is None else min(sample, len(population))
    sampled = sorted(rng.choice(population, size, replace=False).tolist()) if population else []
    beside = _one_of_each_place(group, set(sampled), rng)
    wanted = [*sampled, *beside]
    missing, differing, contradicting, own = dict[str, str](), dict[str, str](), list[str](), None
    try:
        suite, submission, salt = _suite(group, means), _submission(group, means), _salt(group, means)
        planned = _planned(group, suite, submission, salt, means.jobs)
    except LeakboardError as error:
        missing = dict.fromkeys(wanted, " ".join(str(error).split()))
    else:
        missing = {key: _unplanned(group, key, planned.values()) for key in wanted if key not in planned}
        chosen = [plan for key, plan in planned.items() if key in wanted]
        missing |= dict.fromkeys(_left_out(group, planned.values()), "left out: the plan has it, the records do not")
        own, again, failed = _compute(chosen, suite, salt, group.isolation, scratch, means.jobs, progress)
        missing |= {plan.key: failed for plan in chosen if plan.key not in again}
        for key in (plan.key for plan in chosen if plan.key in again):
            apart = platform_differences(group.runs[group.cells[key].run_key].environment, own)
            problems, certain = _compared(group, key, again, exact=not apart)
            if problems:
                differing[key] = f"{'; '.join(problems)} ({_why(apart)})"
            if certain:
                contradicting.append(key)
    own = own or environment("cpu")
    return Verification(
        verifier=means.verifier,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=own,
        suite=group.suite,
        submission=group.submission,
        source=group.source,
        seal=group.seal,
        isolation=group.isolation,
        records=contents([*group.runs.values(), *group.cells.values()]),
        population=len(population),
        sampled=tuple(sampled),
        beside=tuple(beside),
        seed=seed,
        level=level,
        at_most_wrong=at_most_wrong(len(population), size, level),
        same_platform=not any(platform_differences(run.environment, own) for run in group.runs.values()),
        differing=dict(sorted(differing.items())),
        contradicting=tuple(sorted(contradicting)),
        missing=dict(sorted(missing.items())),
    )


def at_most_wrong(population: int, sampled: int, level: float) -> int:
    """The largest number of wrong cells that a sample, drawn without replacement, misses altogether with probability
    above ``1 - level``: the exact hypergeometric bound of a sample without a difference."""
    allowed = 1 - Fraction(str(level))
    samples = math.comb(population, sampled)
    # Of the samples, those without any of the wrong cells become fewer with each of them.
    first_seen = bisect_left(
        range(population + 1), True, key=lambda wrong: math.comb(population - wrong, sampled) <= allowed * samples
    )
    return first_seen - 1 if sampled else population


def platform_differences(recorded: Environment, here: Environment) -> list[str]:
    """Fields of two environments that numbers can depend on and that differ, in words."""
    differing = [
        f"{name} {left or 'unknown'} then, {right or 'unknown'} now"
        for name in _PLATFORM
        if (left := getattr(recorded, name)) != (right := getattr(here, name))
    ]
    packages = sorted({*recorded.packages, *here.packages})
    return differing + [
        f"{name} {recorded.packages.get(name, 'absent')} then, {here.packages.get(name, 'absent')} now"
        for name in packages
        if recorded.packages.get(name) != here.packages.get(name)
    ]


def compare_cells(recorded: CellRecord, again: CellRecord, *, exact: bool) -> tuple[list[str], bool]:
    """Differences between two computations of a cell, in words, and whether no other platform explains it.

    ``exact``: both were made on one platform, so every byte that is no time or wording must be equal.
    """
    if exact:
        fields = differences(recorded, again)
        return ([f"{', '.join(fields)} differ: {_values(recorded, again)}"] if fields else []), bool(fields)
    if recorded.status != again.status:
        return [f"status {recorded.status} then, {again.status} now"], False
    then, now = _by_metric(recorded), _by_metric(again)
    if {name: set(values) for name, values in then.items()} != {name: set(values) for name, values in now.items()}:
        return ["other records or metrics are scored"], True
    problems, certain = list[str](), False
    for metric, values in then.items():
        tolerance = tolerance_of(metric)
        apart = [record for record, value in values.items() if _apart(value, now[metric][record], tolerance)]
        most = max(1, math.floor(tolerance.share * len(values))) if tolerance.share else 0
        if len(apart) > most:
            problems.append(f"{metric}: {len(apart)} of {len(values)} records beyond {tolerance.each:g}, {most} may be")
            certain |= tolerance == EXACT
    return problems, certain


def _compared(group: _Group, key: str, again: Mapping[str, Record], *, exact: bool) -> tuple[list[str], bool]:
    """The differences of a cell and of its run."""
    cell, run = group.cells[key], group.runs[group.cells[key].run_key]
    new_cell, new_run = again[key], again.get(run.key)
    assert isinstance(new_cell, CellRecord)
    problems, certain = compare_cells(cell, new_cell, exact=exact)
    if isinstance(new_run, RunRecord):
        fields = differences(run, new_run)
        if not exact:
            fields = [f for f in fields if f != "ledger" and not (f == "costs" and _alike(run, new_run))]
        if fields:
            problems.append(f"its run differs in {', '.join(fields)}")
        certain |= bool(set(fields) - {"costs"}) or (exact and bool(fields))
    return problems, certain


def _alike(run: RunRecord, again: RunRecord) -> bool:
    """True where the costs that the platform does not measure are close."""
    names = ("bytes_up", "bytes_down", "messages_up", "messages_down", "round_trips", "private_flops", "curious_flops")
    pairs = [(getattr(run.costs, name), getattr(again.costs, name)) for name in names]
    return all(abs(left - right) <= _COSTS_APART * max(left, right) for left, right in pairs)


def _values(recorded: CellRecord, again: CellRecord) -> str:
    """The first score that differs."""
    then, now = _by_metric(recorded), _by_metric(again)
    for metric, values in then.items():
        for record, value in values.items():
            if now.get(metric, {}).get(record, math.inf) != value:
                return f"{metric} of {record} was {value}, is {now.get(metric, {}).get(record)}"
    return f"status {recorded.status} then, {again.status} now" if recorded.status != again.status else "no score"


def _by_metric(cell: CellRecord) -> dict[str, dict[str, float | None]]:
    metrics: dict[str, dict[str, float | None]] = defaultdict(dict)
    for score in cell.scores:
        metrics[score.metric][score.record] = score.value
    return metrics


def _apart(then: float | None, now: float | None, tolerance: Tolerance) -> bool:
    if then is None or now is None:
        return (then is None) != (now is None)
    return abs(then - now) > tolerance.each * max(1.0, abs(then))


def _why(apart: Sequence[str]) -> str:
    """The reason that remains for a difference: plans with equal keys have equal source, data and settings."""
    if apart:
        return f"environment: {', '.join(apart)}"
    return "same platform, source and data: the records were altered, or something draws without a seed"


def _one_of_each_place(group: _Group, known: set[str], rng: np.random.Generator) -> list[str]:
    """A random cell of every entry and operating point that the sample has none of."""
    places: dict[tuple[str, int], list[str]] = defaultdict(list)
    for key, cell in sorted(group.cells.items()):
        run = group.runs[cell.run_key]
        places[run.entry, run.point].append(key)
    return sorted(str(rng.choice(keys)) for keys in places.values() if not known & set(keys))


def _suite(group: _Group, means: Means) -> Suite:
    labels = {suite.label: suite for suite in map(load_suite, means.suites)}
    suite = labels.get(group.suite) or load_suite(group.suite.partition("@")[0])
    if suite.label != group.suite:
        raise LeakboardError(
            f"source: suite {group.suite} is not here, {suite.label} is: check out the code of that time"
        )
    return suite


def _submission(group: _Group, means: Means) -> Submission:
    known = registry.submissions()
    folders = [*means.submissions, *([known[group.submission]] if group.submission in known else [])]
    others = []
    for submission in map(load_submission, folders):
        if submission.hash == group.source:
            return submission
        others.append(submission.hash[:8])
    raise LeakboardError(
        f"source: no submission of source {group.source[:8]} is here ({', '.join(others) or 'none'}); name its folder "
        "with --submission"
    )


def _salt(group: _Group, means: Means) -> str:
    if group.seal is None:
        return PUBLIC_SALT
    salts = {commitment(salt): salt for salt in means.salts}
    if group.seal not in salts:
        raise LeakboardError(
            f"data: the salt of seal {group.seal[:8]} is not known; name its revealed seal with --seal"
        )
    return salts[group.seal]


def _planned(group: _Group, suite: Suite, submission: Submission, salt: str, jobs: int | None) -> dict[str, CellPlan]:
    points = tuple(sorted({run.point for run in group.runs.values()} & set(range(len(submission.points)))))
    entries = {run.entry for run in group.runs.values()}
    smaller = suite.model_copy(update={"entries": tuple(e for e in suite.entries if e.name in entries)})
    plans = plan_cells(smaller, submission, undefended_submission(), points, group.isolation, salt, jobs or 1)
    return {plan.key: plan for plan in distinct(plans)}


def _compute(
    chosen: Sequence[CellPlan],
    suite: Suite,
    salt: str,
    isolation: str,
    scratch: Path,
    jobs: int | None,
    progress: Progress,
) -> tuple[Environment, dict[str, Record], str]:
    """The chosen cells and their runs, computed in the scratch store, and why some are not there."""
    prepare(suite, progress)
    failed = "no reason was given"
    with Store.open(scratch) as store, Runner(isolation=isolation, threads=suite.threads, salt=salt) as runner:
        progress.plan(len(chosen))
        own = environment("cpu").model_copy(update={"sandbox": runner.sandbox})
        try:
            execute(Job(store, runner, progress, own), chosen, jobs or default_jobs(suite.threads))
        except LeakboardError as error:
            failed = " ".join(str(error).split())
        cells = [store.cell(plan.key) for plan in chosen]
        runs = [store.run(key) for key in {plan.run.key for plan in chosen}]
    return own, {record.key: record for record in [*cells, *runs] if record is not None}, failed


def _left_out(group: _Group, planned: Iterable[CellPlan]) -> list[str]:
    """Planned cells of the submission's points that no record is of: without its best attack a row looks better."""
    kinds = set()
    for cell in group.cells.values():
        run = group.runs[cell.run_key]
        place = (run.entry, run.point, run.seed, run.behaviour)
        kinds.add((place, cell.role, cell.name, cell.variant, cell.secret, cell.coalition))
    own = [plan for plan in planned if plan.run.submission.hash == group.source]
    return [plan.key for plan in own if (_place(plan), *_kind(plan)) not in kinds]


def _kind(plan: CellPlan) -> tuple[str, str, str, str, str]:
    spec = plan.attack
    return plan.role, plan.name, plan.variant, spec.secret if spec else "", spec.coalition if spec else ""


def _unplanned(group: _Group, key: str, planned: Iterable[CellPlan]) -> str:
    """The reason that no plan of this code has the key of a recorded cell."""
    cell = group.cells[key]
    run = group.runs[cell.run_key]
    place = (run.entry, run.point, run.seed, run.behaviour)
    same = [plan for plan in planned if _place(plan) == place]
    if not same:
        return f"source: the suite has no run of {run.entry}, point {run.point}, seed {run.seed}, {run.behaviour}"
    if same[0].run.key == run.key:
        return f"source: the code of {cell.role} {cell.name} is another one, or the suite no longer asks for it"
    return "; ".join(_causes(run, same[0])) or (
        "source: the code of the protocol, settings of the entry or the version of results is another one"
    )


def _causes(run: RunRecord, plan: CellPlan) -> Iterator[str]:
    deployment = plan.run.deployment
    if run.data != deployment.data_id:
        yield f"data: {run.data} then, {deployment.data_id} now"
    if run.model != deployment.model_id:
        yield f"model: {run.model} then, {deployment.model_id} now"
    if run.parameters != plan.run.execution.parameters:
        yield "source: other parameters of the operating point"


def _place(plan: CellPlan) -> tuple[str, int, int, str]:
    run = plan.run
    return run.entry.name, run.execution.point, run.seed, run.execution.behaviour
