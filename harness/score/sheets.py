"""Scores as aligned arrays: every mismatch between entries is found here, and reported all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import LeakboardError
from harness.score.results import AttackScores
from harness.score.statistic import Statistic
from harness.util.arrays import Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Panel", "Sheet", "Study", "align"]


@dataclass(frozen=True)
class Sheet:
    """One metric at one seed: ``values`` (records, entries), and each record's class and cluster index.

    ``targets`` is each record's index in the second way of clustering, where the metric has one.
    """

    values: Floats
    labels: Ints
    clusters: Ints
    targets: Ints | None = None


@dataclass(frozen=True)
class Panel:
    """One metric: its attacks, then its blind attacks, as columns of one sheet per seed."""

    metric: str
    statistic: Statistic
    attacks: tuple[str, ...]
    blinds: tuple[str, ...]
    sheets: tuple[Sheet, ...]

    @cached_property
    def linear(self) -> list[tuple[Floats, Floats]]:
        """Per seed, the additive form of the statistic."""
        return [self.statistic.linear(sheet.values, sheet.labels) for sheet in self.sheets]

    def effective(self, column: int) -> int:
        """Clusters, over all seeds, in the smallest of the groups that the statistic compares."""
        groups: dict[int, set[int]] = {}
        for sheet in self.sheets:
            defined = ~np.isnan(sheet.values[:, column])
            for index, members in enumerate(self.statistic.classes(sheet.labels)):
                groups.setdefault(index, set()).update(sheet.clusters[members & defined].tolist())
        return min(len(clusters) for clusters in groups.values())


@dataclass(frozen=True)
class Study:
    """All metrics of one leakage question, in an order that does not depend on the caller's."""

    panels: tuple[Panel, ...]
    seeds: tuple[int, ...]
    n_clusters: int
    n_records: int


def align(
    attacks: Sequence[AttackScores],
    blinds: Sequence[AttackScores],
    clusters: Mapping[str, str] | None = None,
    targets: Mapping[str, str] | None = None,
) -> Study:
    """Put attacks and blind attacks into aligned arrays.

    ``clusters`` maps record to cluster (default: itself). Clusters are told apart by seed as well: every seed draws
    its own data, and names its records alike. ``targets`` maps records to their cluster in a second way, crossed with
    the first; metrics none of whose records it holds are clustered one way.

    Raises LeakboardError listing everything that does not fit: no attack, a metric without a blind attack,
    doubled names, differing seeds, records, classes or statistics within a metric, scores outside [0, 1].
    """
    problems = list(_problems(attacks, blinds, clusters))
    if problems:
        raise LeakboardError("these scores cannot be compared:\n" + "\n".join(f"  - {p}" for p in problems))
    entries = [*attacks, *blinds]
    seeds = tuple(sorted(attacks[0].values))
    records = sorted({record for entry in entries for scores in entry.values.values() for record in scores})
    names = {record: clusters[record] if clusters else record for record in records}
    pairs = sorted({(seed, names[r]) for entry in entries for seed, rows in entry.values.items() for r in rows})
    numbers = {pair: index for index, pair in enumerate(pairs)}
    index = {seed: {r: numbers[seed, name] for r, name in names.items() if (seed, name) in numbers} for seed in seeds}
    metrics = sorted({entry.metric for entry in attacks})
    panels = tuple(_panel(metric, attacks, blinds, index, targets or {}) for metric in metrics)
    return Study(panels, seeds, len(numbers), len(records))


def _panel(
    metric: str,
    attacks: Sequence[AttackScores],
    blinds: Sequence[AttackScores],
    index: Mapping[int, Mapping[str, int]],
    targets: Mapping[str, str],
) -> Panel:
    guessers = sorted((a for a in attacks if a.metric == metric), key=lambda a: a.name)
    floors = sorted((b for b in blinds if b.metric == metric), key=lambda b: b.name)
    sheets = tuple(_sheet([*guessers, *floors], seed, rows, targets) for seed, rows in index.items())
    names, blind_names = tuple(a.name for a in guessers), tuple(b.name for b in floors)
    return Panel(metric, guessers[0].statistic, names, blind_names, sheets)


def _sheet(entries: Sequence[AttackScores], seed: int, index: Mapping[str, int], targets: Mapping[str, str]) -> Sheet:
    records = sorted(entries[0].values[seed])
    columns = [[entry.values[seed][record] for record in records] for entry in entries]
    truth = entries[0].labels
    labels = [truth[seed][record] for record in records] if truth is not None else [0] * len(records)
    clusters = np.array([index[record] for record in records], dtype=np.int64)
    crossed = (
        np.unique([targets[r] for r in records], return_inverse=True)[1] if targets.keys() >= set(records) else None
    )
    return Sheet(np.array(columns, dtype=float).T, np.array(labels, dtype=np.int64), clusters, crossed)


def _problems(
    attacks: Sequence[AttackScores], blinds: Sequence[AttackScores], clusters: Mapping[str, str] | None
) -> Iterator[str]:
    if not attacks:
        yield "there is no attack; score at least one"
        return
    for kind, entries in (("attack", attacks), ("blind attack", blinds)):
        keys = [(entry.name, entry.metric) for entry in entries]
        for name, metric in sorted({key for key in keys if keys.count(key) > 1}):
            yield f"{kind} {name!r} has metric {metric!r} twice; give each variant its own name"
    for metric in sorted({a.metric for a in attacks} - {b.metric for b in blinds}):
        yield f"metric {metric!r} has no blind attack; register one, its floor is measured, never assumed"
    first: dict[str, AttackScores] = {}
    for entry in (*attacks, *blinds):
        where = f"{entry.name!r} on {entry.metric!r}"
        yield from _misfits(where, entry, first.setdefault(entry.metric, entry), set(attacks[0].values))
        yield from _bad_scores(where, entry, clusters)


def _misfits(where: str, entry: AttackScores, model: AttackScores, seeds: set[int]) -> Iterator[str]:
    if not seeds or set(entry.values) != seeds:
        yield f"{where} has seeds {sorted(entry.values)}, not {sorted(seeds)}; score every entry on every seed"
        return
    if entry.statistic != model.statistic:
        yield f"{where} is scored by {entry.statistic}, {model.name!r} by {model.statistic}; use one per metric"
    if entry.statistic.labelled and entry.labels is None:
        yield f"{where} needs each record's class: pass labels"
    elif entry.labels != model.labels:
        yield f"{where} has other classes than {model.name!r}; the truth is one per metric"
    for seed in sorted(seeds):
        odd = set(entry.values[seed]) ^ set(model.values.get(seed, {}))
        if odd:
            yield f"{where}, seed {seed}: {len(odd)} records differ from {model.name!r}, such as {min(odd)!r}"


def _bad_scores(where: str, entry: AttackScores, clusters: Mapping[str, str] | None) -> Iterator[str]:
    for seed, scores in sorted(entry.values.items()):
        if not scores:
            yield f"{where}, seed {seed}: no records"
        values: NDArray[np.float64] = np.fromiter(scores.values(), dtype=float, count=len(scores))
        if entry.statistic.bounded and ((values < 0) | (values > 1)).any():
            yield f"{where}, seed {seed}: scores must be in [0, 1], or nan where undefined"
        if np.isinf(values).any():
            yield f"{where}, seed {seed}: scores must be finite, or nan where undefined"
        if entry.labels is not None and set(scores) - set(entry.labels.get(seed, {})):
            yield f"{where}, seed {seed}: some records have no class"
        if clusters is not None and set(scores) - set(clusters):
            yield f"{where}, seed {seed}: record {min(set(scores) - set(clusters))!r} belongs to no cluster"
