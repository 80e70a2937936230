"""Controls: known values of attacks, utility under swapped answers, and noise of the right shape.

On noise no attack may beat its blind guess. One that does reads something that it should not: a secret that reaches it
past the messages, or a shape that follows the data. Then no leakage of the entry can be relied on, so every row of it
is flagged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import isfinite, nan

import numpy as np

from harness import score
from harness.assessment.flags import Flag
from harness.assessment.measures import LOWER_IS_BETTER, comparable, ways
from harness.assessment.results import ControlResult, EntryResults, RowResults
from harness.assessment.series import Series
from harness.assessment.utility import measured_tasks, task_references, utility_of
from harness.errors import LeakboardError
from harness.plugins.suite import AttackSpec, Suite
from harness.score.rules import UTILITY_FLOOR
from harness.util.seeds import numpy_generator

__all__ = [
    "bypasses",
    "known_values",
    "negative_controls",
    "negative_flags",
    "negative_test",
    "useful_controls",
]

BYPASS = 0.2
"""Share of what a row earns above the reference that may survive swapped answers before it is flagged."""


def known_values(entry: EntryResults, suite: Suite | None) -> tuple[ControlResult, ...]:
    """The controls that the suite sets for attacks of this entry; those that never rank have known values, too."""
    specs = [spec for part in suite.entries if part.name == entry.entry for spec in part.attacks] if suite else []
    attacks = (*entry.undefended.attacks, *entry.undefended.unranked_attacks)
    results = []
    for spec in (spec for spec in specs if spec.control is not None):
        assert spec.control is not None
        variants = [series for series in attacks if series.about == _about(spec)]
        if variants:
            reached = _strongest([series for series in variants if series.status == "ok"], spec.control.metric)
            sides = spec.control.at_least, spec.control.at_most
            results.append(ControlResult(*_about(spec), spec.control.metric, reached, *sides))
    return tuple(results)


def _about(spec: AttackSpec) -> tuple[str, str, str]:
    """Attack, secret and coalition of a control."""
    return spec.name, spec.secret, spec.coalition


def _strongest(variants: Sequence[Series], metric: str) -> float:
    """The value of the best variant, by the direction of the metric; nan where none has one."""
    values = [v for v in (_reached(series, metric) for series in variants) if isfinite(v)]
    best = min if metric in LOWER_IS_BETTER else max
    return best(values, default=nan)


def _reached(series: Series, metric: str) -> float:
    """Mean of a metric over records and seeds; ``auc`` is computed from the scores, all records together."""
    if metric != "auc":
        stored = series.values("label" if metric == "balanced_accuracy" else metric)
        return series.mean(metric) if any(v == v for rows in stored.values() for v in rows.values()) else nan
    pairs = [
        (value, series.values("label")[seed][record])
        for seed, rows in series.values("score").items()
        for record, value in rows.items()
    ]
    values, labels = np.array([p[0] for p in pairs])[:, None], np.array([p[1] for p in pairs], dtype=np.int64)
    x, d = score.Auc().linear(values, labels)
    return float(x.sum() / d.sum()) if d.sum() else nan


def bypasses(row: RowResults, entry: EntryResults) -> tuple[Flag, ...]:
    """A flag for each task in which utility survives swapped answers.

    It must fall to the reference, or to what the undefended system earns with swapped answers, since those are still
    a language model's. Differences are tested, not the utility ratio: so this holds where sharing gains nothing, too.
    """
    return tuple(flag for swapped in row.knockout for flag in _survives(swapped, row, entry))


def _survives(swapped: Series, row: RowResults, entry: EntryResults) -> Iterator[Flag]:
    task = swapped.name
    _, references = task_references(entry, task)
    references += [series for series in entry.undefended.knockout if series.name == task and series.status == "ok"]
    own = next((series for series in row.tasks if series.name == task and series.status == "ok"), None)
    if own is None or not references or swapped.status != "ok":
        return
    seeds = set.intersection(*(set(series.values(task)) for series in (swapped, own, *references)))
    left = swapped.on_seeds(task, seeds)
    if not left:
        return
    floors = [reference.restricted(task, left) for reference in references]
    rng = numpy_generator("knockout", entry.suite, entry.entry)
    excess = score.knockout_excess(left, own.restricted(task, left), floors, rng=rng, kept=BYPASS)
    if excess.low > 0:
        detail = f"{task} keeps {excess.value:.3g} more than it may with swapped answers, at least {excess.low:.3g}"
        yield Flag("bypass", detail)


def useful_controls(entry: EntryResults, names: Collection[str]) -> tuple[Flag, ...]:
    """A flag for every operating point of the negative controls ``names`` whose utility is above the floor."""
    flags = []
    for row in (row for row in entry.rows.values() if row.place.submission in names):
        utility = utility_of(entry, measured_tasks(row, entry))
        if utility is not None and utility.void is None and utility.value > UTILITY_FLOOR:
            who = f"{row.place.submission}, point {row.place.point}"
            flags.append(Flag("negative_control_useful", f"{who}: utility {utility.value:.2f}"))
    return tuple(flags)


def negative_controls(suite: Suite | None) -> frozenset[str]:
    """The submissions that are negative controls: the suite's word, and no manifest's."""
    return frozenset(suite.negative_controls) if suite else frozenset()


def negative_flags(entry: EntryResults, names: Collection[str]) -> tuple[Flag, ...]:
    """A flag for every operating point of the submissions ``names`` on which an attack beats its blind guess."""
    flags = []
    for row in (row for row in entry.rows.values() if row.place.submission in names):
        test = negative_test(row, entry)
        if test is not None and not test.passed:
            who = f"{' on '.join(test.strongest)} against {row.place.submission}"
            beyond = f"{test.statistic:.1f} standard errors above a blind guess, {test.threshold:.1f} may be chance"
            flags.append(Flag("negative_control_failed", f"{who}: {beyond}"))
    return tuple(flags)


def negative_test(row: RowResults, entry: EntryResults) -> score.NullTest | None:
    """One max-T test at 1 % over all attacks on a row; None where nothing can be tested.

    Attacks that do not count and those that their control voids are among them.
    """
    measured, _ = comparable(row, entry, row.attacks)
    attacks, blinds = ([m.scores for m in measured if m.blind is part] for part in (False, True))
    rng = numpy_generator("negative", entry.suite, entry.entry, row.place.submission, str(row.place.point))
    try:
        return score.max_t_null(attacks, blinds, rng=rng, **ways([*attacks, *blinds])) if attacks else None
    except LeakboardError:  # every entry is void, which its row says
        return None
