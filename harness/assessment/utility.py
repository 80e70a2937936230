"""Utility tasks of a row: their scores and raw means, the utility that follows, and efficiency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness import score
from harness.assessment.results import EntryResults, RowResults, TaskMean, TaskScores
from harness.assessment.series import Series
from harness.util.seeds import numpy_generator

__all__ = [
    "SYSTEMS",
    "efficiency_of",
    "measured_tasks",
    "reference_means",
    "task_means",
    "task_references",
    "utility_of",
]

SYSTEMS = {"honest": "undefended", "local_only": "local only", "centralised": "centralised"}
"""Behaviour of the undefended runs -> its title: the whole protocol, no sharing, and all data in one place.
Utility is measured from local-only work (or the blind guess); the centralised system is shown and enters no score."""


def task_references(entry: EntryResults, task: str) -> tuple[Series | None, list[Series]]:
    """The undefended series of a task, and those that utility is measured from: local-only and blind."""
    base = next((series for series in entry.undefended.tasks if _is_measured(series, task)), None)
    return base, [s for s in (*entry.undefended.local_only, *entry.blind_tasks) if _is_measured(s, task)]


def _is_measured(series: Series, task: str) -> bool:
    return series.name == task and series.status == "ok"


def measured_tasks(row: RowResults, entry: EntryResults) -> tuple[TaskScores, ...]:
    """The utility tasks of a row that can be measured, on the seeds that all their series have."""
    tasks = []
    for series in row.tasks:
        base, references = task_references(entry, series.name)
        if series.status == "ok" and base and references:
            seeds = set.intersection(*(set(s.values(series.name)) for s in (series, base, *references)))
            u, best, *rest = (s.on_seeds(series.name, seeds) for s in (series, base, *references))
            tasks += [TaskScores(series.name, u, best, tuple(rest))] if seeds else []
    return tuple(tasks)


def utility_of(entry: EntryResults, tasks: Sequence[TaskScores]) -> score.Estimate | None:
    """Utility of a row over all its tasks; None without one."""
    estimates = [
        score.utility(t.u, t.undefended, t.references, rng=numpy_generator("report", entry.suite, entry.entry, t.name))
        for t in tasks
    ]
    return score.combine_utilities(estimates) if estimates else None


def efficiency_of(row: RowResults, undefended: RowResults) -> float | None:
    """Efficiency of a row against the undefended one; None where either has no costs."""
    return score.efficiency(row.costs, undefended.costs) if row.costs and undefended.costs else None


def task_means(tasks: Iterable[Series], entry: EntryResults, system: str = "") -> list[TaskMean]:
    """The raw mean of every task that was measured."""
    return [_mean(task, entry, system) for task in tasks if task.status == "ok" and task.values(task.name)]


def reference_means(entry: EntryResults) -> list[TaskMean]:
    """The means of the undefended, the local-only and the centralised system, of those that were run."""
    undefended = entry.undefended
    parts = {"honest": undefended.tasks, "local_only": undefended.local_only, "centralised": undefended.centralised}
    return [mean for behaviour, tasks in parts.items() for mean in task_means(tasks, entry, SYSTEMS[behaviour])]


def _mean(task: Series, entry: EntryResults, system: str) -> TaskMean:
    values = task.values(task.name)
    estimate = score.mean(values, rng=numpy_generator("mean", entry.suite, entry.entry, task.name))
    n = sum(len(rows) for rows in values.values())
    return TaskMean(system, task.name, estimate.value, estimate.low, estimate.high, n)
