"""Utility tasks: per-record scores of the private parties' predictions, higher is better.

Labels stay with the harness and never reach a private party. Tasks that compare with the undefended
model take its predictions as ``reference``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.store.schema import Score

__all__ = ["Agreement", "Classification", "Likelihood", "UtilityTask"]


class UtilityTask(Protocol):
    """One way of scoring predictions."""

    @property
    def name(self) -> str:
        """Name of the task and of its metric."""

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """One score per record that is scored; a missing or malformed prediction counts as the worst."""

    def blind(self) -> tuple[Score, ...]:
        """Scores of the best guess that never looks at the inputs."""


@dataclass(frozen=True)
class Classification:
    """Accuracy: 1 where ``prediction["label"]`` is the record's label."""

    labels: Mapping[str, str]
    name: str = "accuracy"

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """0 or 1 per record."""
        hits = {r: _field(predictions, r, "label") == label for r, label in self.labels.items()}
        return tuple(Score(record=r, metric=self.name, value=float(hit)) for r, hit in hits.items())

    def blind(self) -> tuple[Score, ...]:
        """Always the most frequent label."""
        common, _ = Counter(self.labels.values()).most_common(1)[0]
        return self.score({record: {"label": common} for record in self.labels}, {})


@dataclass(frozen=True)
class Agreement:
    """Share of next-token choices (``prediction["choices"]``) that equal the undefended model's, per record."""

    records: tuple[str, ...]
    name: str = "next_token_agreement"

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """In [0, 1] per record; 1 for the undefended model by definition."""
        scores = []
        for record in self.records:
            truth = _field(reference, record, "choices") or []
            chosen = _field(predictions, record, "choices") or []
            equal = sum(a == b for a, b in zip(chosen, truth, strict=False))
            scores.append(Score(record=record, metric=self.name, value=equal / len(truth) if truth else 0.0))
        return tuple(scores)

    def blind(self) -> tuple[Score, ...]:
        """Zero: no token is guessed."""
        return tuple(Score(record=record, metric=self.name, value=0.0) for record in self.records)


@dataclass(frozen=True)
class Likelihood:
    """Mean log-likelihood per token of the record's own text (``-prediction["nll"]``, in nats); perplexity is
    ``exp`` of its negative. Log-likelihood enters the score because perplexity has no mean worth comparing.
    """

    records: tuple[str, ...]
    worst: float
    """Log-likelihood that a missing prediction counts as: uniform guessing, ``-log V``."""
    unigram: Mapping[str, float]
    """Record -> log-likelihood per token under public token frequencies: the blind guess."""
    name: str = "log_likelihood"

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """Nats per token; a record of a single token has none."""
        scores = []
        for record in self.records:
            nll = _field(predictions, record, "nll")
            value = -float(nll) if isinstance(nll, int | float) and math.isfinite(nll) else self.worst
            scores.append(Score(record=record, metric=self.name, value=value))
        return tuple(scores)

    def blind(self) -> tuple[Score, ...]:
        """Token frequencies without any context."""
        return tuple(Score(record=r, metric=self.name, value=self.unigram[r]) for r in self.records)


def _field(predictions: Mapping[str, Any], record: str, name: str) -> Any:
    value = predictions.get(record)
    return value.get(name) if isinstance(value, dict) else None
