"""What a row is good for, from a ledger: its utility tasks, its utility, and its efficiency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness import score
from harness.assessment.series import Ledger
from harness.util.seeds import numpy_generator

__all__ = ["TaskScores", "efficiency_of", "measured_tasks", "utility_of"]


@dataclass(frozen=True)
class TaskScores:
    """Per-record scores of a utility task: the row's, the undefended system's, and of what utility is measured from."""

    name: str
    u: score.RecordScores
    undefended: score.RecordScores
    references: tuple[score.RecordScores, ...]


def measured_tasks(ledger: Ledger, name: str, point: int) -> tuple[TaskScores, ...]:
    """The utility tasks of a row that can be measured, on the seeds that all their series have."""
    found = []
    for cell in ledger.cells(name, point, role="utility"):
        base, references = ledger.utility_references(cell.name)
        if cell.status == "ok" and base and references:
            seeds = set.intersection(*(set(s.values(cell.name)) for s in (cell, base, *references)))
            u, best, *rest = (s.on_seeds(cell.name, seeds) for s in (cell, base, *references))
            found += [TaskScores(cell.name, u, best, tuple(rest))] if seeds else []
    return tuple(found)


def utility_of(ledger: Ledger, tasks: Sequence[TaskScores]) -> score.Estimate | None:
    """Utility of a row over all its tasks; None without one."""
    estimates = [
        score.utility(
            t.u, t.undefended, t.references, rng=numpy_generator("report", ledger.suite, ledger.entry, t.name)
        )
        for t in tasks
    ]
    return score.combine_utilities(estimates) if estimates else None


def efficiency_of(ledger: Ledger, name: str, point: int) -> float | None:
    """Efficiency of a row against the undefended system; None where either has no costs."""
    mine, base = ledger.costs(name, point), ledger.costs("none", 0)
    return score.efficiency(mine, base) if mine and base else None
