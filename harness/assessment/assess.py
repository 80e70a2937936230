"""The assessment of one submission at one operating point on one suite entry: every score that anything shows.

The command line's tables, the board and its exports are all made from this, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness import score
from harness.assessment.controls import ControlResult, bypasses, controls
from harness.assessment.flagging import attack_flags, row_flags
from harness.assessment.flags import Flag
from harness.assessment.measures import Panelled, clusters, is_aggregate, usable
from harness.assessment.negative import negative_flags
from harness.assessment.references import TaskMean, references_of, task_means
from harness.assessment.series import Ledger, Series
from harness.assessment.usefulness import TaskScores, efficiency_of, measured_tasks, utility_of
from harness.plugins.suite import Suite
from harness.util.seeds import numpy_generator

__all__ = ["Assessment", "AttackResult", "TaskScores", "assess", "assess_entry"]

ONLY_AGGREGATE = "only secrets of a whole party are scored here: see aggregate leakage"


@dataclass(frozen=True)
class AttackResult:
    """What one attack variant reached on one metric; ``advantage`` is None where it has no result."""

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

    ledger: Ledger
    submission: str
    point: int
    runs: Sequence[dict[str, Any]]
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
    aggregate_only: bool = False
    """The entry scores secrets of a whole party alone: nothing is missing where there is no privacy."""

    @property
    def privacy(self) -> score.Estimate | None:
        """1 - leakage, clipped to [0, 1]."""
        return score.privacy(self.leakage) if self.leakage else None

    @property
    def status(self) -> str:
        """``ok``, ``error``, ``not_applicable`` or ``void``."""
        if self.failure:
            return "error"
        if self.privacy is not None and self.privacy.void is None:
            return "ok"
        if self.aggregate_only and self.aggregate is not None and self.aggregate.void is None:
            return "ok"
        told = {attack.status for attack in self.attacks}
        return "not_applicable" if told == {"not_applicable"} else "void"

    @property
    def reason(self) -> str | None:
        """Why the status is not ``ok``, or why there is no privacy."""
        if self.failure or self.status == "ok":
            return self.failure or (ONLY_AGGREGATE if self.aggregate_only else None)
        if self.status == "not_applicable":
            return "; ".join(dict.fromkeys(attack.reason or "" for attack in self.attacks))
        return (self.privacy.void if self.privacy else None) or "no attack has a result"

    def pue(self, end: str = "") -> float | None:
        """PUE from the interval's upper leakage, as ranks use it; ``low`` and ``high``: from the ends of both."""
        p, u, e = self.privacy, self.utility, self.efficiency
        if p is None or p.void or u is None or u.void or e is None:
            return None
        useful = {"": u.value, "low": u.low, "high": u.high}[end]
        return score.pue(p.high if end == "high" else p.low, useful, e)


def assess_entry(
    ledger: Ledger,
    suite: Suite | None,
    wanted: frozenset[str] = frozenset(),
    negatives: Collection[str] = (),
) -> list[Assessment]:
    """Assessments of every submission (or those ``wanted``) and point with results on one entry.

    ``negatives`` are the submissions that are negative controls: where an attack leaks on one of them, all rows of the
    entry are flagged, whichever are wanted.
    """
    leaks = negative_flags(ledger, negatives)
    points = [(name, point) for name, point in ledger.points() if not wanted or name in wanted]
    bare = assess(ledger, suite, "none", 0) if ("none", 0) in ledger.points() else None
    rows = [bare if bare and (n, p) == ("none", 0) else assess(ledger, suite, n, p, bare) for n, p in points]
    return [replace(row, flags=(*row.flags, *leaks)) for row in rows]


def assess(
    ledger: Ledger, suite: Suite | None, name: str, point: int, undefended: Assessment | None = None
) -> Assessment:
    """The assessment of one row; ``undefended`` is that of ``none``, for flags that need it."""
    runs = ledger.runs(name, point)
    failed = next((run for run in runs if run["status"] != "ok"), None)
    known = controls(ledger, suite)
    series = ledger.attack_series(name, point)
    tasks = measured_tasks(ledger, name, point)
    void = {(c.attack, c.secret, c.coalition) for c in known if not c.passed}
    entries, partial = usable(ledger, runs, [s for s in series if s.about not in void])
    leak, aggregate, results = _measure(ledger, entries)
    results += [_without_result(s, s.about in void) for s in series if not _has_result(s, results)]
    made = Assessment(
        ledger=ledger,
        submission=name,
        point=point,
        runs=runs,
        leakage=leak,
        aggregate=aggregate,
        utility=utility_of(ledger, tasks),
        efficiency=efficiency_of(ledger, name, point),
        controls=known,
        attacks=tuple(results),
        tasks=tasks,
        flags=(),
        failure=failed["reason"] or failed["status"] if failed else None,
        indicative=suite is None or suite.indicative,
        means=tuple(task_means(ledger, name, point)),
        references=undefended.references if undefended else tuple(references_of(ledger)),
        aggregate_only=undefended.aggregate_only if undefended else _only_aggregate(leak, results),
    )
    return _flagged(made, undefended, partial)


def _flagged(made: Assessment, undefended: Assessment | None, partial: bool) -> Assessment:
    attacks = attack_flags(made.attacks, undefended.attacks if undefended else ())
    swapped = made.submission != "none" and bypasses(made.ledger, made.submission, made.point)
    flags = [
        *(Flag("control_failed", str(c)) for c in made.controls if not c.passed),
        *(Flag("bypass") for _ in range(swapped)),
        *(Flag("partial", "some attacks lack seeds") for _ in range(partial)),
        *row_flags(made),
        *(flag for attack in attacks for flag in attack.flags),
    ]
    return replace(made, attacks=tuple(attacks), flags=tuple(dict.fromkeys(flags)))


def _measure(
    ledger: Ledger, entries: Sequence[tuple[Panelled, bool]]
) -> tuple[score.Leakage | None, score.Leakage | None, list[AttackResult]]:
    """Leakage, aggregate leakage, and all attacks' results: those that only inform are measured by themselves."""
    found: dict[str, score.Leakage | None] = {}
    results: list[AttackResult] = []
    for part in ("leakage", "aggregate", "shown"):
        mine = [(entry, blind) for entry, blind in entries if _part(entry) == part]
        found[part] = leak = _leakage(ledger, mine)
        for advantage in leak.advantages if leak else ():
            entry = next(e for e, b in mine if not b and _name(e) == (advantage.name, advantage.metric))
            floor = next((e.scores for e, b in mine if b and _name(e) == (advantage.blind, advantage.metric)), None)
            results.append(replace(_result(entry, advantage), scores=entry.scores, floor=floor))
    return found["leakage"], found["aggregate"], results


def _part(entry: Panelled) -> str:
    return "shown" if not entry.counts else "aggregate" if is_aggregate(entry.series.secret) else "leakage"


def _name(entry: Panelled) -> tuple[str, str]:
    return entry.scores.name, entry.scores.metric


def _leakage(ledger: Ledger, entries: Sequence[tuple[Panelled, bool]]) -> score.Leakage | None:
    attacks, blinds = ([entry.scores for entry, b in entries if b is blind] for blind in (False, True))
    if not attacks:
        return None
    rng = numpy_generator("report", ledger.suite, ledger.entry)
    return score.leakage(attacks, blinds, rng=rng, clusters=clusters([*attacks, *blinds]))


def _result(entry: Panelled, advantage: score.Advantage) -> AttackResult:
    n = sum(value == value for rows in entry.scores.values.values() for value in rows.values())
    aggregate = is_aggregate(entry.series.secret)
    status = "ok" if advantage.void is None else "void"
    return AttackResult(
        entry.series, advantage.metric, entry.counts, aggregate, n, advantage, status, advantage.void, entry.flags
    )


def _only_aggregate(leak: score.Leakage | None, results: Sequence[AttackResult]) -> bool:
    """Whether no record-level secret is scored, and not for want of an attack that worked."""
    others = [r for r in results if not r.aggregate]
    failed = any(r.status == "error" or any(f.id == "control_failed" for f in r.flags) for r in others)
    return leak is None and not failed and any(r.aggregate for r in results)


def _has_result(series: Series, results: Sequence[AttackResult]) -> bool:
    return any(result.series is series for result in results)


def _without_result(series: Series, void: bool) -> AttackResult:
    flags: tuple[Flag, ...] = ()
    status, reason = series.status, series.reason
    if void:
        status, reason, flags = "void", "its control failed", (Flag("control_failed"),)
    elif status == "ok":
        status, reason, flags = (
            "void",
            "no metric is defined, or none has a blind attack",
            (Flag("no_floor", series.name),),
        )
    elif status == "error":
        flags = (Flag("attack_error", f"{series.name} {series.variant} ({reason})"),)
    return AttackResult(series, "", False, is_aggregate(series.secret), 0, None, status, reason, flags)
