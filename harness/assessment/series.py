"""Stored cells of one attack variant or utility task, put together over seeds for scoring."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from harness.score import RecordScores

__all__ = ["CellRow", "CellScores", "Series", "grouped", "series_of"]

CellScores = Mapping[str, Mapping[str, float]]
"""metric -> record -> value of one cell, nan where undefined."""

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


@dataclass(frozen=True)
class CellRow:
    """One stored cell without its scores."""

    key: str
    run_key: str
    suite: str
    entry: str
    submission: str
    point: int
    seed: int
    behaviour: str
    role: str
    name: str
    variant: str
    secret: str
    coalition: str
    status: str
    reason: str | None
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> tuple[str, str, str, str]:
        """Name, variant, secret, coalition: equal for all seeds of a series."""
        return self.name, self.variant, self.secret, self.coalition


@dataclass(frozen=True)
class Series:
    """One attack variant or utility task over all its seeds: scores by metric, seed and record."""

    name: str
    variant: str
    secret: str
    coalition: str
    role: str
    behaviour: str
    scores: Mapping[str, Mapping[int, Mapping[str, float]]]
    status: str
    reason: str | None

    @property
    def about(self) -> tuple[str, str, str]:
        """Attack, secret and coalition, by which a suite sets its controls."""
        return self.name, self.secret, self.coalition or "server"

    def values(self, metric: str) -> RecordScores:
        """seed -> record -> score of one metric, nan where undefined."""
        return self.scores.get(metric, {})

    def attribute_hits(self) -> tuple[RecordScores, dict[int, dict[str, int]]]:
        """Hits of the attribute guesses (1 where right, else 0), and the true classes."""
        labels = {seed: {r: int(v) for r, v in rows.items()} for seed, rows in self.values("label").items()}
        guesses = self.values("score")
        hits = {
            seed: {r: float((guesses[seed][r] >= 0.5) == bool(label)) for r, label in rows.items()}
            for seed, rows in labels.items()
        }
        return hits, labels

    def mean(self, metric: str) -> float:
        """Mean over records and seeds; ``balanced_accuracy`` is the mean over classes of the hit rate."""
        if metric == "balanced_accuracy":
            hits, labels = self.attribute_hits()
            pairs = [(labels[s][r], hit) for s, rows in hits.items() for r, hit in rows.items()]
            classes = [[hit for label, hit in pairs if label == c] for c in {label for label, _ in pairs}]
            return sum(sum(c) / len(c) for c in classes) / len(classes) if classes else 0.0
        defined = [v for rows in self.values(metric).values() for v in rows.values() if v == v]
        return sum(defined) / len(defined) if defined else 0.0

    def on_seeds(self, metric: str, seeds: Collection[int]) -> RecordScores:
        """The same series on some seeds alone."""
        return {seed: rows for seed, rows in self.values(metric).items() if seed in seeds}

    def restricted(self, metric: str, like: RecordScores) -> RecordScores:
        """The same series on the records of ``like`` alone."""
        own = self.values(metric)
        return {seed: {record: own[seed][record] for record in rows} for seed, rows in like.items()}


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Items by key, keys and items in the order in which they come."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def series_of(cells: Iterable[CellRow], scores: Mapping[str, CellScores]) -> tuple[Series, ...]:
    """Cells of one role and behaviour put together over seeds; an error at any seed makes the series an error."""
    return tuple(_series(part, scores) for part in grouped(cells, lambda cell: cell.kind).values())


def _series(cells: Sequence[CellRow], scores: Mapping[str, CellScores]) -> Series:
    bad = next((cell for cell in cells if cell.status != "ok"), None)
    by_metric: dict[str, dict[int, Mapping[str, float]]] = {}
    for cell in cells:
        for metric, values in scores.get(cell.key, {}).items():
            by_metric.setdefault(metric, {})[cell.seed] = values
    status, reason = (bad.status, bad.reason) if bad else ("ok", None)
    return Series(*cells[0].kind, cells[0].role, cells[0].behaviour, by_metric, status, reason)
