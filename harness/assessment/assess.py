"""The assessment of one submission at one operating point on one suite entry: every score that anything shows.

The command line's tables, the board and its exports are all made from this, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from harness import score
from harness.assessment.completeness import lacking, prevented
from harness.assessment.controls import (
    bypasses,
    known_values,
    negative_controls,
    negative_flags,
    useful_controls,
)
from harness.assessment.flagging import attack_flags, row_flags
from harness.assessment.flags import Flag
from harness.assessment.live import differences
from harness.assessment.measures import Measure, comparable, is_aggregate, ways
from harness.assessment.results import Assessment, AttackResult, EntryResults, RowResults
from harness.assessment.series import Series
from harness.assessment.utility import efficiency_of, measured_tasks, reference_means, task_means, utility_of
from harness.plugins.suite import Suite
from harness.util.seeds import numpy_generator

__all__ = ["assess_entry", "assess_row"]


def assess_entry(
    entry: EntryResults,
    suite: Suite | None,
    wanted: frozenset[str] = frozenset(),
    negatives: Collection[str] | None = None,
) -> list[Assessment]:
    """Assessments of every submission (or those ``wanted``) and point with results on one entry.

    ``negatives`` are the submissions that are negative controls, by default those that the suite names: where an attack
    leaks on one of them, all rows of the entry are flagged, whichever are wanted.
    """
    controls = negative_controls(suite) if negatives is None else negatives
    leaks = negative_flags(entry, controls)
    rows = [row for row in entry.rows.values() if not wanted or row.place.submission.partition("@")[0] in wanted]
    undefended = assess_row(entry.undefended, entry, suite) if entry.undefended.runs else None
    assessments = [
        undefended if undefended and row is entry.undefended else assess_row(row, entry, suite, undefended)
        for row in rows
    ]
    shared = (*leaks, *(Flag("shadows_void", flag.detail) for flag in differences(entry.undefended.attacks)))
    shared += useful_controls(entry, controls)
    return [replace(one, flags=(*one.flags, *shared, *_of_control(one, controls))) for one in assessments]


def _of_control(assessment: Assessment, negatives: Collection[str]) -> tuple[Flag, ...]:
    return (Flag("negative_control"),) if assessment.submission in negatives else ()


def assess_row(
    row: RowResults, entry: EntryResults, suite: Suite | None, undefended: Assessment | None = None
) -> Assessment:
    """The assessment of one row; ``undefended`` is that of the undefended row, for what all rows share."""
    failed = next((run for run in row.runs if run.status != "ok"), None)
    controls = undefended.controls if undefended else known_values(entry, suite)
    tasks = measured_tasks(row, entry)
    void = {control.about for control in controls if not control.passed}
    unlike = differences(row.attacks)
    attacking = [series for series in row.attacks if series.about not in void]
    measured, partial = comparable(row, entry, attacking, pooled=not unlike)
    leakage, aggregate, results = _measure(entry, measured)
    failures = prevented(row, entry, void)
    results += [_without_result(s, s.about in void) for s in row.attacks if not _has_result(s, results)]
    assessment = Assessment(
        suite=entry.suite,
        entry=entry.entry,
        row=row,
        leakage=leakage,
        aggregate=aggregate,
        utility=utility_of(entry, tasks),
        efficiency=efficiency_of(row, entry.undefended),
        controls=controls,
        attacks=tuple(results),
        tasks=tasks,
        flags=(),
        failure=failed.reason or failed.status if failed else None,
        void="; ".join(map(str, failures)) or None,
        indicative=suite is None or suite.indicative,
        means=tuple(task_means(row.tasks, entry)),
        references=undefended.references if undefended else tuple(reference_means(entry)),
        aggregate_only=undefended.aggregate_only if undefended else _only_aggregate(leakage, results),
    )
    defended = row.place != entry.undefended.place
    beyond = [*failures, *unlike, *((*bypasses(row, entry), *lacking(row, entry)) if defended else ())]
    return _flagged(assessment, undefended.attacks if undefended else (), partial, beyond)


def _flagged(
    assessment: Assessment, undefended: Sequence[AttackResult], partial: bool, beyond: Sequence[Flag]
) -> Assessment:
    attacks = attack_flags(assessment.attacks, undefended)
    flags = [
        *(Flag("control_failed", str(control)) for control in assessment.controls if not control.passed),
        *(Flag("partial", "some attacks lack seeds") for _ in range(partial)),
        *beyond,
        *row_flags(assessment),
        *(flag for attack in attacks for flag in attack.flags),
    ]
    return replace(assessment, attacks=tuple(attacks), flags=tuple(dict.fromkeys(flags)))


def _measure(
    entry: EntryResults, measured: Sequence[Measure]
) -> tuple[score.Leakage | None, score.Leakage | None, list[AttackResult]]:
    """Leakage, aggregate leakage, and all attacks' results: those that only inform are measured by themselves."""
    leakages: dict[str, score.Leakage | None] = {}
    results: list[AttackResult] = []
    for part in ("leakage", "aggregate", "shown"):
        measures = [measure for measure in measured if _part(measure) == part]
        leakages[part] = leakage = _leakage(entry, measures, 1000 if part == "shown" else 2000)
        attacks, blinds = ({m.title: m for m in reversed(measures) if m.blind is blind} for blind in (False, True))
        measurable = [(attacks[a.name, a.metric], a) for a in (leakage.advantages if leakage else ())]
        for measure, advantage in _better_way(measurable):
            results.append(_result(measure, advantage, blinds.get((advantage.blind, advantage.metric))))
    return leakages["leakage"], leakages["aggregate"], results


def _better_way(results: Sequence[tuple[Measure, score.Advantage]]) -> list[tuple[Measure, score.Advantage]]:
    """One result for each attack and metric: of guesses that are read both ways, the way that leaks more."""
    best: dict[tuple[int, str], tuple[Measure, score.Advantage]] = {}
    for measure, advantage in sorted(results, key=lambda pair: pair[0].turned):
        kept = best.setdefault((id(measure.series), advantage.metric), (measure, advantage))
        if advantage.value > kept[1].value:
            best[id(measure.series), advantage.metric] = measure, advantage
    return list(best.values())


def _part(measure: Measure) -> str:
    return "shown" if not measure.counts else "aggregate" if measure.aggregate else "leakage"


def _leakage(entry: EntryResults, measures: Sequence[Measure], resamples: int) -> score.Leakage | None:
    attacks, blinds = ([measure.scores for measure in measures if measure.blind is part] for part in (False, True))
    if not attacks:
        return None
    rng = numpy_generator("report", entry.suite, entry.entry)
    return score.leakage(attacks, blinds, rng=rng, resamples=resamples, **ways([*attacks, *blinds]))


def _result(measure: Measure, advantage: score.Advantage, floor: Measure | None) -> AttackResult:
    return AttackResult(
        series=measure.series,
        metric=advantage.metric,
        counts=measure.counts,
        aggregate=measure.aggregate,
        n=sum(value == value for rows in measure.scores.values.values() for value in rows.values()),
        advantage=advantage,
        status="ok" if advantage.void is None else "void",
        reason=advantage.void,
        flags=(*measure.flags, *_reversed(measure, advantage)),
        scores=measure.scores,
        floor=floor.scores if floor else None,
    )


def _reversed(measure: Measure, advantage: score.Advantage) -> tuple[Flag, ...]:
    if not measure.turned or not advantage.alone_low > 0:
        return ()
    return (Flag("read_reversed", f"{advantage.name} on {advantage.metric}"),)


def _only_aggregate(leakage: score.Leakage | None, results: Sequence[AttackResult]) -> bool:
    """True where no record-level secret is scored, and not for want of an attack that worked."""
    others = [r for r in results if not r.aggregate]
    failed = any(r.status == "error" or any(f.id == "control_failed" for f in r.flags) for r in others)
    return leakage is None and not failed and any(r.aggregate for r in results)


def _has_result(series: Series, results: Sequence[AttackResult]) -> bool:
    return any(result.series is series for result in results)


def _without_result(series: Series, void: bool) -> AttackResult:
    flags: tuple[Flag, ...] = ()
    status, reason = series.status, series.reason
    if void:
        status, reason, flags = "void", "its control failed", (Flag("control_failed"),)
    elif status == "ok":
        status, reason = "void", "no metric is defined, or none has a blind attack"
        flags = (Flag("no_floor", series.name),)
    elif status == "error":
        flags = (Flag("attack_error", f"{series.name} {series.variant} ({reason})"),)
    return AttackResult(series, "", False, is_aggregate(series.secret), 0, None, status, reason, flags)
