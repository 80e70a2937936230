"""Utility tasks: per-record scores of the private parties' predictions, higher is better.

Labels stay with the harness and never reach a private party. Tasks that compare with the undefended
model take its predictions as ``reference``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.store.schema import Score

__all__ = ["Classification", "UtilityTask"]


class UtilityTask(Protocol):
    """One way of scoring predictions."""

    @property
    def name(self) -> str:
        """Name of the task and of its metric."""

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """One score per record that is scored; a missing or malformed prediction counts as the worst."""

    def blind(self) -> tuple[Score, ...]:
        """Scores of the best that anyone could do without the protocol: a guess that looks at no input, or what a small
        model makes of it that is learned from public data."""


@dataclass(frozen=True)
class Classification:
    """Accuracy: 1 where ``prediction["label"]`` is the record's label."""

    labels: Mapping[str, str]
    name: str = "accuracy"
    alone: Mapping[str, str] = field(default_factory=dict)
    """Record -> the label that a small model of public labelled texts gives it (``labels_by_words``)."""

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """0 or 1 per record."""
        hits = {r: _field(predictions, r, "label") == label for r, label in self.labels.items()}
        return tuple(Score(record=r, metric=self.name, value=float(hit)) for r, hit in hits.items())

    def blind(self) -> tuple[Score, ...]:
        """Always the most frequent label, or each text's by the small model; whichever is better over all."""
        common, _ = Counter(self.labels.values()).most_common(1)[0]
        guesses = [dict.fromkeys(self.labels, common), self.alone]
        scored = [self.score({r: {"label": label} for r, label in guess.items()}, {}) for guess in guesses]
        return max(scored, key=lambda scores: sum(score.value or 0.0 for score in scores))


def _field(predictions: Mapping[str, Any], record: str, name: str) -> Any:
    value = predictions.get(record)
    return value.get(name) if isinstance(value, dict) else None
