"""Controls: whether attacks show their known value undefended, and whether utility is earned by the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan

import numpy as np

from harness import score
from harness.assessment.measures import LOWER_IS_BETTER
from harness.assessment.series import Ledger, Series
from harness.plugins.suite import AttackSpec, Suite
from harness.util.seeds import numpy_generator

__all__ = ["ControlResult", "bypasses", "controls"]

CONTROLLED = ("attack", "informed", "diagnostic")
"""Roles of attacks: those that never rank have known values, too."""

BYPASS = 0.2
"""Share of the utility that may survive swapped answers before a row is flagged."""


@dataclass(frozen=True)
class ControlResult:
    """What an attack's strongest variant reached on the undefended system, beside its known value."""

    attack: str
    secret: str
    coalition: str
    metric: str
    value: float
    """nan where no variant has a value: nothing is known then, and the control failed."""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the known value was reached, or not exceeded."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.at_most is not None and self.value <= self.at_most

    def __str__(self) -> str:
        side, bound = ("at least", self.at_least) if self.at_least is not None else ("at most", self.at_most)
        reached = f"reached {self.value:.3f}" if isfinite(self.value) else "has no value"
        return f"{self.attack} {reached} ({self.metric}, known to be {side} {bound:g})"


def controls(ledger: Ledger, suite: Suite | None) -> tuple[ControlResult, ...]:
    """The controls that the suite sets for attacks of this entry."""
    specs = [entry.attacks for entry in suite.entries if entry.name == ledger.entry] if suite else []
    found = []
    series = [cell for role in CONTROLLED for cell in ledger.attack_series("none", 0, role)]
    for spec in (s for attacks in specs for s in attacks if s.control is not None):
        assert spec.control is not None
        cells = [c for c in series if c.about == _spec_of(spec)]
        if cells:
            reached = _strongest([c for c in cells if c.status == "ok"], spec.control.metric)
            sides = spec.control.at_least, spec.control.at_most
            found.append(ControlResult(*_spec_of(spec), spec.control.metric, reached, *sides))
    return tuple(found)


def _spec_of(spec: AttackSpec) -> tuple[str, str, str]:
    """What a control is about: attack, secret, coalition."""
    return spec.name, spec.secret, spec.coalition


def _strongest(cells: Sequence[Series], metric: str) -> float:
    """The value of the best variant, by the direction of the metric; nan where none has one."""
    values = [v for v in (_reached(cell, metric) for cell in cells) if isfinite(v)]
    best = min if metric in LOWER_IS_BETTER else max
    return best(values, default=nan)


def _reached(cell: Series, metric: str) -> float:
    """Mean of a metric over records and seeds; ``auc`` is computed from the scores, all records together."""
    if metric != "auc":
        stored = cell.values("label" if metric == "balanced_accuracy" else metric)
        return cell.mean(metric) if any(v == v for rows in stored.values() for v in rows.values()) else nan
    pairs = [
        (value, cell.values("label")[seed][record])
        for seed, rows in cell.values("score").items()
        for record, value in rows.items()
    ]
    values, labels = np.array([p[0] for p in pairs])[:, None], np.array([p[1] for p in pairs], dtype=np.int64)
    x, d = score.Auc().linear(values, labels)
    return float(x.sum() / d.sum()) if d.sum() else nan


def bypasses(ledger: Ledger, name: str, point: int) -> bool:
    """Whether utility survives swapped answers in any task."""
    return any(_survives(ledger, cell) for cell in ledger.cells(name, point, role="utility", behaviour="knockout"))


def _survives(ledger: Ledger, cell: Series) -> bool:
    """It must fall to the reference, or to what the undefended system earns with swapped answers, since those are
    still a language model's."""
    base, references = ledger.utility_references(cell.name)
    swapped = ledger.cells("none", 0, role="utility", behaviour="knockout")
    references += [c for c in swapped if c.name == cell.name and c.status == "ok"]
    if base is None or cell.status != "ok":
        return False
    seeds = set.intersection(*(set(s.values(cell.name)) for s in (cell, base, *references)))
    mine = cell.on_seeds(cell.name, seeds)
    if not mine:
        return False
    kept = [reference.restricted(cell.name, mine) for reference in references]
    rng = numpy_generator("knockout", ledger.suite, ledger.entry)
    left = score.utility(mine, base.restricted(cell.name, mine), kept, rng=rng)
    return left.void is None and left.low > BYPASS
