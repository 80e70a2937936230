"""What a utility task reaches by itself: raw means, of a row and of the systems that every scenario is held against."""

from __future__ import annotations

from dataclasses import dataclass

from harness import score
from harness.assessment.series import Ledger, Series
from harness.util.seeds import numpy_generator

__all__ = ["SYSTEMS", "TaskMean", "references_of", "task_means"]

SYSTEMS = {"honest": "undefended", "local_only": "local only", "centralised": "centralised"}
"""Behaviour of the undefended runs -> what it is called: the whole protocol, no sharing, and all data in one place.
Utility is measured from local-only work (or the blind guess); the centralised system is shown and enters no score."""


@dataclass(frozen=True)
class TaskMean:
    """The mean of a task's raw metric over records and seeds, with its 95 % interval; larger is better."""

    system: str
    """A name of :data:`SYSTEMS`, or empty for the row itself."""
    task: str
    value: float
    low: float
    high: float
    n: int
    """Scored records, over all seeds."""


def task_means(ledger: Ledger, name: str, point: int, behaviour: str = "honest", system: str = "") -> list[TaskMean]:
    """The means of every task of a row that was measured."""
    cells = ledger.cells(name, point, role="utility", behaviour=behaviour)
    return [_mean(ledger, cell, system) for cell in cells if cell.status == "ok" and cell.values(cell.name)]


def references_of(ledger: Ledger) -> list[TaskMean]:
    """The means of the undefended, the local-only and the centralised system, of those that were run."""
    return [mean for behaviour, system in SYSTEMS.items() for mean in task_means(ledger, "none", 0, behaviour, system)]


def _mean(ledger: Ledger, cell: Series, system: str) -> TaskMean:
    values = cell.values(cell.name)
    found = score.mean(values, rng=numpy_generator("mean", ledger.suite, ledger.entry, cell.name))
    n = sum(len(rows) for rows in values.values())
    return TaskMean(system, cell.name, found.value, found.low, found.high, n)
