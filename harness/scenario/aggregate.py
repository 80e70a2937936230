"""Aggregate secrets: facts about all records of a party. They are reported in their own column, never in leakage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import ProtocolError
from harness.store.schema import Score

__all__ = ["AGGREGATE", "DISTRIBUTIONS", "CountSecret", "DistributionSecret", "PresenceSecret", "PropertySecret"]

DISTRIBUTIONS = frozenset({"label_distribution", "topic_distribution"})
"""Those that are shares of a party's records: scored by distances."""

AGGREGATE = DISTRIBUTIONS | {"class_presence", "property", "count"}
"""Names (before a colon) of secrets that are aggregate."""


@dataclass(frozen=True)
class DistributionSecret:
    """Proportions of classes or topics of each party; a guess maps party to class to share (normalised here).

    Metrics, lower is better, 0 is perfect: ``tv`` (total variation, half the L1 distance) and ``js``
    (Jensen-Shannon divergence in bits). A party without a guess counts as guessed uniform.
    """

    truth: Mapping[str, Mapping[str, float]]

    @property
    def records(self) -> tuple[str, ...]:
        """The parties."""
        return tuple(self.truth)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Distances per party."""
        scores = []
        for party, shares in self.truth.items():
            p = _normal(party, shares, shares)
            q = _normal(party, guess.get(party) or dict.fromkeys(shares, 1.0), shares)
            pairs = list(zip(p, q, strict=True))
            tv = sum(abs(a - b) for a, b in pairs) / 2
            js = sum(_kl_term(a, (a + b) / 2) + _kl_term(b, (a + b) / 2) for a, b in pairs) / 2
            scores += [Score(record=party, metric="tv", value=tv), Score(record=party, metric="js", value=max(0.0, js))]
        return tuple(scores)


@dataclass(frozen=True)
class PresenceSecret:
    """Presence of a class among a party's records; a guess maps party to class to score, larger meaning present.

    Stored per ``party/class`` as ``score`` and ``label``; what is not guessed scores 0.5.
    """

    truth: Mapping[str, Mapping[str, int]]

    @property
    def records(self) -> tuple[str, ...]:
        """``party/class`` pairs."""
        return tuple(f"{party}/{name}" for party, classes in self.truth.items() for name in classes)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Scores beside labels."""
        pairs = (
            (f"{party}/{name}", _number(f"{party}/{name}", (guess.get(party) or {}).get(name, 0.5)), label)
            for party, classes in self.truth.items()
            for name, label in classes.items()
        )
        return _binary(pairs)


@dataclass(frozen=True)
class PropertySecret:
    """A binary property of each party's data; a guess maps party to score, larger meaning 1."""

    labels: Mapping[str, int]

    @property
    def records(self) -> tuple[str, ...]:
        """The parties."""
        return tuple(self.labels)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Scores beside labels; a party without a guess scores 0.5."""
        return _binary((p, _number(p, guess.get(p, 0.5)), label) for p, label in self.labels.items())


@dataclass(frozen=True)
class CountSecret:
    """Records of each class in each party; a guess maps party to class to number.

    Metrics per ``party/class``: ``absolute_error`` (lower is better), ``exact`` (1 where the rounded guess is right)
    and ``count`` (the truth). What is not guessed counts as 0.
    """

    truth: Mapping[str, Mapping[str, int]]

    @property
    def records(self) -> tuple[str, ...]:
        """``party/class`` pairs."""
        return tuple(f"{party}/{name}" for party, classes in self.truth.items() for name in classes)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Errors per class."""
        scores = []
        for party, classes in self.truth.items():
            for name, count in classes.items():
                record = f"{party}/{name}"
                value = _number(record, (guess.get(party) or {}).get(name, 0.0))
                metrics = {"absolute_error": abs(value - count), "exact": round(value) == count, "count": count}
                scores += [Score(record=record, metric=m, value=float(v)) for m, v in metrics.items()]
        return tuple(scores)


def _binary(pairs: Iterable[tuple[str, float, int]]) -> tuple[Score, ...]:
    scores = []
    for record, score, label in pairs:
        scores.append(Score(record=record, metric="score", value=score))
        scores.append(Score(record=record, metric="label", value=float(label)))
    return tuple(scores)


def _number(record: str, value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ProtocolError(f"the guess about {record!r} is {value!r}, not a finite number")
    return float(value)


def _normal(party: str, shares: Mapping[str, Any], classes: Mapping[str, Any]) -> list[float]:
    values = [_number(f"{party}/{name}", shares.get(name, 0.0)) for name in classes]
    if min(values, default=0.0) < 0 or sum(values) <= 0 or not set(shares) <= set(classes):
        raise ProtocolError(f"shares of {party!r} must be over {sorted(classes)}, not negative, and not all zero")
    return [value / sum(values) for value in values]


def _kl_term(p: float, m: float) -> float:
    return p * math.log2(p / m) if p > 0 else 0.0
