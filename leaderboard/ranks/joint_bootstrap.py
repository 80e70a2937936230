"""Joint cluster bootstrap of the rows of one suite entry, on the records and seeds that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.assessment import Assessment, AttackResult, Place, TaskScores, ways
from harness.score import AttackScores, Mean, pue, pue_gradient
from harness.score.resample import Columns, resample
from harness.score.sheets import Study, align
from harness.util import Floats, numpy_generator

__all__ = ["Contributions", "JointBootstrap", "Place", "bootstrap_jointly", "strongest"]

RESAMPLES = 1000


@dataclass(frozen=True)
class Contributions:
    """A measure of one row, with what seeds (S,) and resampled records (resamples, S) contribute to it.

    ``scale`` is what it would move by if all of the ``n`` scored records came out otherwise.
    """

    value: float
    parts: Floats
    draws: Floats
    n: int
    scale: float = 1.0


@dataclass(frozen=True)
class JointBootstrap:
    """Contributions to the measures of rows that share records and seeds: place -> measure -> contributions."""

    rows: Mapping[Place, Mapping[str, Contributions]]


def bootstrap_jointly(rows: Sequence[Assessment]) -> JointBootstrap:
    """Resample the rows of one entry together; rows with other seeds or records than most are left out."""
    live = [row for row in rows if row.status == "ok"]
    entries = _entries(live)
    attacks, blinds = ([e for e, blind in entries if blind is wanted] for wanted in (False, True))
    if not attacks:
        return JointBootstrap({})
    study = align(attacks, blinds, **ways([*attacks, *blinds]))
    rng = numpy_generator("paired", live[0].suite, live[0].entry)
    columns = resample(study, rng, RESAMPLES)
    place = _columns(study)
    contributions = {row.row.place: _contributions(row, f"{i:05d}", columns, place) for i, row in enumerate(live)}
    return JointBootstrap({where: measures for where, measures in contributions.items() if measures})


def _entries(rows: Sequence[Assessment]) -> list[tuple[AttackScores, bool]]:
    """(scores, whether blind) of every row's strongest attack and utility tasks, where rows agree on the records."""
    entries: list[tuple[AttackScores, bool]] = []
    for index, row in enumerate(rows):
        name = f"{index:05d}"
        best = strongest(row)
        if best is not None and best.scores is not None and best.floor is not None:
            entries.append((replace(best.scores, name=name), False))
            entries.append((replace(best.floor, name=f"{name} floor"), True))
        kind = Mean(bounded=False)
        for task in row.tasks:
            metric = f"utility {task.name}"
            entries.append((AttackScores(name, metric, task.u, kind), False))
            others = {"base": task.undefended, **{f"reference {i}": r for i, r in enumerate(task.references)}}
            entries += [(AttackScores(f"{name} {k}", metric, v, kind), True) for k, v in others.items()]
    return _agreeing(entries)


def strongest(row: Assessment) -> AttackResult | None:
    """The result of the row's strongest attack on record-level secrets."""
    if row.leakage is None or row.leakage.strongest is None:
        return None
    live = (a for a in row.attacks if a.advantage is not None and a.counts and not a.aggregate)
    return next((a for a in live if a.advantage and (a.advantage.name, a.metric) == row.leakage.strongest), None)


def _agreeing(entries: Sequence[tuple[AttackScores, bool]]) -> list[tuple[AttackScores, bool]]:
    """Entries on the seeds, and within a metric on the records and classes, of most rows."""
    if not entries:
        return []
    seeds = Counter(frozenset(e.values) for e, _ in entries).most_common(1)[0][0]
    on_usual_seeds = [(e, blind) for e, blind in entries if frozenset(e.values) == seeds]
    shapes: dict[str, Counter[object]] = {}
    for e, _ in on_usual_seeds:
        shapes.setdefault(e.metric, Counter())[_shape(e)] += 1
    usual = {metric: counts.most_common(1)[0][0] for metric, counts in shapes.items()}
    odd = {(e.metric, e.name.partition(" ")[0]) for e, _ in on_usual_seeds if _shape(e) != usual[e.metric]}
    return [(e, blind) for e, blind in on_usual_seeds if (e.metric, e.name.partition(" ")[0]) not in odd]


def _shape(e: AttackScores) -> object:
    labels = e.labels or {}
    return tuple(
        (seed, tuple((record, labels.get(seed, {}).get(record)) for record in sorted(rows)))
        for seed, rows in sorted(e.values.items())
    )


def _columns(study: Study) -> dict[tuple[str, str], int]:
    """(metric, name) -> column."""
    names = [(panel.metric, name) for panel in study.panels for name in (*panel.attacks, *panel.blinds)]
    return {name: index for index, name in enumerate(names)}


def _contributions(
    row: Assessment, name: str, columns: Columns, place: Mapping[tuple[str, str], int]
) -> dict[str, Contributions]:
    contributions: dict[str, Contributions] = {}
    best = strongest(row)
    if best is not None and (best.metric, name) in place:
        a, b = place[best.metric, name], place[best.metric, f"{name} floor"]
        m, floor = float(columns.mean[a]), float(columns.mean[b])
        leak = (m - floor) / (1 - floor)
        weights = {a: -1 / (1 - floor), b: (1 - leak) / (1 - floor)}
        contributions["privacy"] = _mix(columns, 1 - leak, weights, best.n)
    useful = [u for task in row.tasks if (u := _utility(columns, place, task, name)) is not None]
    if useful and row.utility is not None and row.utility.void is None:
        contributions["utility"] = _mean(useful)
    if len(contributions) == 2 and row.efficiency is not None:
        contributions["pue"] = _pue(contributions["privacy"], contributions["utility"], row.efficiency)
    return contributions


def _utility(
    columns: Columns, place: Mapping[tuple[str, str], int], task: TaskScores, name: str
) -> Contributions | None:
    metric = f"utility {task.name}"
    if (metric, name) not in place:
        return None
    defended, base = place[metric, name], place[metric, f"{name} base"]
    references = [c for (m, n), c in place.items() if m == metric and n.startswith(f"{name} reference")]
    best = max(references, key=lambda c: columns.mean[c])
    gap = float(columns.mean[base] - columns.mean[best])
    if gap <= 0:
        return None
    value = float(columns.mean[defended] - columns.mean[best]) / gap
    n = sum(len(rows) for rows in task.u.values())
    return _mix(columns, value, {defended: 1 / gap, base: -value / gap, best: (value - 1) / gap}, n)


def _mix(columns: Columns, value: float, weights: Mapping[int, float], n: int) -> Contributions:
    parts = np.zeros(columns.parts.shape[0])
    draws = np.zeros(columns.draws.shape[:2])
    for column, weight in weights.items():
        parts += weight * columns.parts[:, column]
        draws += weight * columns.draws[..., column]
    return Contributions(value, parts, draws, n)


def _mean(tasks: Sequence[Contributions]) -> Contributions:
    n = len(tasks)
    return Contributions(
        sum(m.value for m in tasks) / n,
        np.asarray(sum(m.parts for m in tasks) / n),
        np.asarray(sum(m.draws for m in tasks) / n),
        min(m.n for m in tasks),
    )


def _pue(privacy: Contributions, utility: Contributions, efficiency: float) -> Contributions:
    """PUE of the point values, moved along its gradient (delta method)."""
    parts_of_pue = privacy.value, utility.value, efficiency
    by_privacy, by_utility, _ = pue_gradient(*parts_of_pue)
    parts = by_privacy * privacy.parts + by_utility * utility.parts
    draws = by_privacy * privacy.draws + by_utility * utility.draws
    return Contributions(pue(*parts_of_pue), parts, draws, min(privacy.n, utility.n), by_privacy + by_utility)
