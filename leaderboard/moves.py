"""How rows of one suite entry move together when their shared records and seeds are resampled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from harness.assessment.measures import clusters
from harness.assessment.results import Assessment, AttackResult, Place, TaskScores
from harness.score import WEIGHTS, AttackScores, Mean
from harness.score.resample import Columns, resample
from harness.score.sheets import Study, align
from harness.util.seeds import numpy_generator

__all__ = ["Moves", "Paired", "Place", "paired", "strongest"]

RESAMPLES = 1000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moves:
    """A measure of one row with what seeds (S,) and resampled records (resamples, S) do to it.

    ``scale`` is what it would move by if all of the ``n`` scored records came out otherwise.
    """

    value: float
    parts: Floats
    draws: Floats
    n: int
    scale: float = 1.0


@dataclass(frozen=True)
class Paired:
    """Rows that share records and seeds: place -> measure -> moves."""

    rows: Mapping[Place, Mapping[str, Moves]]


def paired(rows: Sequence[Assessment]) -> Paired:
    """What the rows of one entry have in common; rows with other seeds or records than most are left out."""
    live = [row for row in rows if row.status == "ok"]
    entries = _entries(live)
    attacks, blinds = ([e for e, blind in entries if blind is wanted] for wanted in (False, True))
    if not attacks:
        return Paired({})
    study = align(attacks, blinds, clusters([*attacks, *blinds]))
    rng = numpy_generator("paired", live[0].suite, live[0].entry)
    columns = resample(study, rng, RESAMPLES)
    place = _columns(study)
    found = {row.row.place: _moves(row, f"{i:05d}", columns, place) for i, row in enumerate(live)}
    return Paired({where: moves for where, moves in found.items() if moves})


def _entries(rows: Sequence[Assessment]) -> list[tuple[AttackScores, bool]]:
    """(scores, whether blind) of every row's strongest attack and utility tasks, where rows agree on the records."""
    found: list[tuple[AttackScores, bool]] = []
    for index, row in enumerate(rows):
        name = f"{index:05d}"
        best = strongest(row)
        if best is not None and best.scores is not None and best.floor is not None:
            found.append((replace(best.scores, name=name), False))
            found.append((replace(best.floor, name=f"{name} floor"), True))
        kind = Mean(bounded=False)
        for task in row.tasks:
            metric = f"utility {task.name}"
            found.append((AttackScores(name, metric, task.u, kind), False))
            others = {"base": task.undefended, **{f"reference {i}": r for i, r in enumerate(task.references)}}
            found += [(AttackScores(f"{name} {k}", metric, v, kind), True) for k, v in others.items()]
    return _agreeing(found)


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
    kept = [(e, blind) for e, blind in entries if frozenset(e.values) == seeds]
    shapes: dict[str, Counter[object]] = {}
    for e, _ in kept:
        shapes.setdefault(e.metric, Counter())[_shape(e)] += 1
    usual = {metric: counts.most_common(1)[0][0] for metric, counts in shapes.items()}
    odd = {(e.metric, e.name.partition(" ")[0]) for e, _ in kept if _shape(e) != usual[e.metric]}
    return [(e, blind) for e, blind in kept if (e.metric, e.name.partition(" ")[0]) not in odd]


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


def _moves(row: Assessment, name: str, columns: Columns, place: Mapping[tuple[str, str], int]) -> dict[str, Moves]:
    found: dict[str, Moves] = {}
    best = strongest(row)
    if best is not None and (best.metric, name) in place:
        a, b = place[best.metric, name], place[best.metric, f"{name} floor"]
        m, floor = float(columns.mean[a]), float(columns.mean[b])
        leak = (m - floor) / (1 - floor)
        weights = {a: -1 / (1 - floor), b: (1 - leak) / (1 - floor)}
        found["privacy"] = _mix(columns, 1 - leak, weights, best.n)
    useful = [u for task in row.tasks if (u := _utility(columns, place, task, name)) is not None]
    if useful and row.utility is not None and row.utility.void is None:
        found["utility"] = _mean(useful)
    if len(found) == 2 and row.efficiency is not None:
        found["pue"] = _pue(found["privacy"], found["utility"], row.efficiency)
    return found


def _utility(columns: Columns, place: Mapping[tuple[str, str], int], task: TaskScores, name: str) -> Moves | None:
    metric = f"utility {task.name}"
    if (metric, name) not in place:
        return None
    mine, base = place[metric, name], place[metric, f"{name} base"]
    references = [c for (m, n), c in place.items() if m == metric and n.startswith(f"{name} reference")]
    best = max(references, key=lambda c: columns.mean[c])
    gap = float(columns.mean[base] - columns.mean[best])
    if gap <= 0:
        return None
    value = float(columns.mean[mine] - columns.mean[best]) / gap
    n = sum(len(rows) for rows in task.u.values())
    return _mix(columns, value, {mine: 1 / gap, base: -value / gap, best: (value - 1) / gap}, n)


def _mix(columns: Columns, value: float, weights: Mapping[int, float], n: int) -> Moves:
    parts = np.zeros(columns.parts.shape[0])
    draws = np.zeros(columns.draws.shape[:2])
    for column, weight in weights.items():
        parts += weight * columns.parts[:, column]
        draws += weight * columns.draws[..., column]
    return Moves(value, parts, draws, n)


def _mean(moves: Sequence[Moves]) -> Moves:
    n = len(moves)
    return Moves(
        sum(m.value for m in moves) / n,
        np.asarray(sum(m.parts for m in moves) / n),
        np.asarray(sum(m.draws for m in moves) / n),
        min(m.n for m in moves),
    )


def _pue(privacy: Moves, utility: Moves, efficiency: float) -> Moves:
    """PUE of the point values, moved along its gradient (delta method)."""
    lost = 1 - min(max(privacy.value, 0.0), 1.0), max(0.0, 1 - utility.value), 1 - efficiency
    root = sqrt(sum(w * x * x for w, x in zip(WEIGHTS, lost, strict=True)))
    value = 1 / (1 + root)
    slopes = [value**2 * w * x / root if root else 0.0 for w, x in zip(WEIGHTS, lost, strict=True)]
    parts = slopes[0] * privacy.parts + slopes[1] * utility.parts
    draws = slopes[0] * privacy.draws + slopes[1] * utility.draws
    return Moves(value, parts, draws, min(privacy.n, utility.n), sum(slopes[:2]))
