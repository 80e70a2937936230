"""Data types of an assessment: what is stored about an entry and its rows, and what is computed from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, NamedTuple

from harness import score
from harness.assessment.flags import Flag
from harness.assessment.series import Series
from harness.store.schema import Costs, Verdict

__all__ = [
    "ONLY_AGGREGATE",
    "UNDEFENDED",
    "Assessment",
    "AttackResult",
    "ControlResult",
    "EntryResults",
    "Place",
    "RowResults",
    "RunRow",
    "TaskMean",
    "TaskScores",
]

ONLY_AGGREGATE = "only secrets of a whole party are scored here: see aggregate leakage"


class Place(NamedTuple):
    """A submission at one operating point."""

    submission: str
    point: int


UNDEFENDED = Place("none", 0)
"""The submission that defends nothing, which every entry runs."""


@dataclass(frozen=True)
class RunRow:
    """One stored run as far as scores need it."""

    key: str
    suite: str
    entry: str
    scenario: str
    submission: str
    submission_hash: str
    point: int
    parameters: Mapping[str, Any]
    """Values of the operating point, sorted by name."""
    seed: int
    behaviour: str
    isolation: str
    status: str
    reason: str | None
    costs: Costs
    verdict: Verdict | None
    """On the submission's privacy claim, where it makes one."""
    entitlement: Mapping[str, Any]
    created: str = ""


@dataclass(frozen=True)
class RowResults:
    """Everything stored about one submission at one operating point of one entry."""

    place: Place
    runs: tuple[RunRow, ...] = ()
    """Honest runs, one a seed."""
    attacks: tuple[Series, ...] = ()
    """Attacks that rank, on the honest runs and on those that an active attacker got for itself."""
    unranked_attacks: tuple[Series, ...] = ()
    """Informed attacks, then diagnostic ones."""
    tasks: tuple[Series, ...] = ()
    """Utility tasks of the honest runs."""
    knockout: tuple[Series, ...] = ()
    """Utility tasks of runs in which the answers are swapped between inputs."""
    local_only: tuple[Series, ...] = ()
    """Utility tasks of runs without sharing; the undefended row has them."""
    controls: tuple[Series, ...] = ()
    """Controls of the honest runs: messages sent again, and the like."""
    centralised: tuple[Series, ...] = ()
    """Utility tasks of a system with all data in one place; the undefended row has them where the scenario does."""
    costs: score.Costs | None = None
    """Mean over the seeds that ended well."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts of all cells of the row together."""
    seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(attack, variant) -> mean wall time of its cells."""
    n_runs: int = 0
    """Stored runs of any behaviour."""

    @property
    def entitlement(self) -> Mapping[str, Any]:
        """Everything the adversary was given."""
        return self.runs[0].entitlement if self.runs else {}

    @property
    def label(self) -> str:
        """Parameters of the operating point, for tables."""
        parameters = self.runs[0].parameters if self.runs else {}
        return ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in parameters.items())


@dataclass(frozen=True)
class EntryResults:
    """Everything stored about one entry of one suite."""

    suite: str
    entry: str
    rows: Mapping[Place, RowResults] = field(default_factory=dict)
    """Rows with an honest run, sorted by place."""
    undefended: RowResults = field(default_factory=lambda: RowResults(UNDEFENDED))
    """The row of :data:`UNDEFENDED`; empty where nothing of it is stored."""
    blinds: tuple[Series, ...] = ()
    """Guesses of secrets without a transcript."""
    blind_tasks: tuple[Series, ...] = ()
    """Utility tasks answered without inputs."""
    run_keys: tuple[str, ...] = ()
    """Keys of all runs, in the order in which their first cells were computed."""
    cell_keys: tuple[str, ...] = ()
    """Keys of all cells, in the order in which they were computed."""


@dataclass(frozen=True)
class ControlResult:
    """The result of an attack's strongest variant on the undefended system, beside its known value."""

    attack: str
    secret: str
    coalition: str
    metric: str
    value: float
    """nan where no variant has a value: nothing is known then, and the control failed."""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def about(self) -> tuple[str, str, str]:
        """Attack, secret and coalition, as :attr:`Series.about`."""
        return self.attack, self.secret, self.coalition

    @property
    def passed(self) -> bool:
        """True where the known value was reached, or not exceeded."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.at_most is not None and self.value <= self.at_most

    def __str__(self) -> str:
        side, bound = ("at least", self.at_least) if self.at_least is not None else ("at most", self.at_most)
        reached = f"reached {self.value:.3f}" if isfinite(self.value) else "has no value"
        return f"{self.attack} {reached} ({self.metric}, known to be {side} {bound:g})"


@dataclass(frozen=True)
class TaskScores:
    """Per-record scores of a utility task: the row's, the undefended system's, and of what utility is measured from."""

    name: str
    u: score.RecordScores
    undefended: score.RecordScores
    references: tuple[score.RecordScores, ...]


@dataclass(frozen=True)
class TaskMean:
    """The mean of a task's raw metric over records and seeds, with its 95 % interval; larger is better."""

    system: str
    """A name of :data:`harness.assessment.utility.SYSTEMS`, or empty for the row itself."""
    task: str
    value: float
    low: float
    high: float
    n: int
    """Scored records, over all seeds."""


@dataclass(frozen=True)
class AttackResult:
    """The result of one attack variant on one metric; ``advantage`` is None where it has no result."""

    series: Series
    metric: str
    counts: bool
    aggregate: bool
    n: int
    advantage: score.Advantage | None
    status: str
    reason: str | None
    flags: tuple[Flag, ...] = ()
    scores: score.AttackScores | None = None
    floor: score.AttackScores | None = None
    """Per-record scores of the attack, and of the blind attack that it is measured from."""


@dataclass(frozen=True)
class Assessment:
    """All scores of a row, unclipped, with its flags and what they were made from."""

    suite: str
    entry: str
    row: RowResults
    leakage: score.Leakage | None
    aggregate: score.Leakage | None
    utility: score.Estimate | None
    efficiency: float | None
    controls: tuple[ControlResult, ...]
    attacks: tuple[AttackResult, ...]
    tasks: tuple[TaskScores, ...]
    flags: tuple[Flag, ...]
    failure: str | None
    indicative: bool = False
    means: tuple[TaskMean, ...] = ()
    """Raw means of the row's own utility tasks."""
    references: tuple[TaskMean, ...] = ()
    """The same of the undefended, the local-only and the centralised system of the entry."""
    void: str | None = None
    """The reason why no leakage can be told of this row, whatever was measured."""
    aggregate_only: bool = False
    """The entry scores secrets of a whole party alone: nothing is missing where there is no privacy."""

    @property
    def submission(self) -> str:
        """Name of the submission."""
        return self.row.place.submission

    @property
    def point(self) -> int:
        """Index of the operating point."""
        return self.row.place.point

    @property
    def runs(self) -> tuple[RunRow, ...]:
        """Honest runs of the row, one a seed."""
        return self.row.runs

    @property
    def seeds(self) -> int:
        """Number of seeds with an honest run."""
        return len({run.seed for run in self.row.runs})

    @property
    def privacy(self) -> score.Estimate | None:
        """1 - leakage, clipped to [0, 1]; void where the row is."""
        if self.leakage is None:
            return None
        return score.privacy(replace(self.leakage, void=self.void) if self.void else self.leakage)

    @property
    def status(self) -> str:
        """``ok``, ``error``, ``not_applicable`` or ``void``."""
        if self.failure:
            return "error"
        if self.void:
            return "void"
        if self.privacy is not None and self.privacy.void is None:
            return "ok"
        if self.aggregate_only and self.aggregate is not None and self.aggregate.void is None:
            return "ok"
        statuses = {attack.status for attack in self.attacks}
        return "not_applicable" if statuses == {"not_applicable"} else "void"

    @property
    def reason(self) -> str | None:
        """The reason why the status is not ``ok``, or why there is no privacy."""
        if self.failure or self.status == "ok":
            return self.failure or (ONLY_AGGREGATE if self.aggregate_only else None)
        if self.status == "not_applicable":
            return "; ".join(dict.fromkeys(attack.reason or "" for attack in self.attacks))
        return self.void or (self.privacy.void if self.privacy else None) or "no attack has a result"

    def pue(self, end: str = "") -> float | None:
        """PUE from the interval's upper leakage, as ranks use it; ``low`` and ``high``: from the ends of both."""
        p, u, e = self.privacy, self.utility, self.efficiency
        if p is None or p.void or u is None or u.void or e is None:
            return None
        utility = {"": u.value, "low": u.low, "high": u.high}[end]
        return score.pue(p.high if end == "high" else p.low, utility, e)
