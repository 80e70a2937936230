"""Secrets: what is protected, and how a guess at it is scored, record by record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harness.errors import ProtocolError
from harness.scenario.aggregate import AGGREGATE, CountSecret, DistributionSecret, PresenceSecret, PropertySecret
from harness.scenario.membership import MembershipSecret
from harness.store.schema import Score

__all__ = [
    "AGGREGATE",
    "AttributeSecret",
    "BagSecret",
    "CountSecret",
    "DistributionSecret",
    "MembershipSecret",
    "PresenceSecret",
    "PropertySecret",
    "Secret",
    "TextSecret",
]


class Secret(Protocol):
    """A secret of a deployment; ``records`` are the ids that are scored."""

    @property
    def records(self) -> tuple[str, ...]:
        """Ids of the scored records, in session order."""

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Per-record scores of a guess; a record without a guess counts as not recovered."""


@dataclass(frozen=True)
class BagSecret:
    """All words of several texts together, as one bag of token ids: of a sum of texts nothing tells which said what.

    Metrics: ``token_f1`` and ``content_token_f1``.
    """

    tokens: Mapping[str, tuple[int, ...]]
    special_ids: frozenset[int]
    frequent_ids: frozenset[int]
    """The most frequent tokens of the auxiliary texts; content tokens are all others."""

    @property
    def records(self) -> tuple[str, ...]:
        """Ids of the scored records."""
        return tuple(self.tokens)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Scores of guessed token ids; those of a text position by position from the first private token."""
        return tuple(
            Score(record=record, metric=name, value=_finite(value))
            for record in self.records
            for name, value in self.metrics(record, _token_ids(record, guess.get(record, ()))).items()
        )

    def metrics(self, record: str, ids: Sequence[int]) -> dict[str, float]:
        """Every metric of one record's guess."""
        from harness.metrics.recovery import token_f1

        truth = self.tokens[record]
        return {
            "token_f1": token_f1(ids, truth, self.special_ids),
            "content_token_f1": token_f1(ids, truth, self.special_ids | self.frequent_ids),
        }


@dataclass(frozen=True)
class TextSecret(BagSecret):
    """The private texts as token ids; recovered by position, unless what is sent has no positions.

    Metrics (:mod:`harness.metrics`): ``token_accuracy``, ``content_token_accuracy``, ``exact_match``,
    ``rouge_l``, ``pii_span_recall``; each in [0, 1] or undefined for a record. Where texts are not ``ordered``, also
    those of a bag.
    """

    spans: Mapping[str, tuple[tuple[int, int], ...]]
    """Token ranges [start, end) of labelled personal information."""
    decode: Any
    """Token ids -> text, for ROUGE-L."""
    ordered: bool = True
    """Whether what is sent tells positions apart; an embedding of a whole text hardly does."""

    def metrics(self, record: str, ids: Sequence[int]) -> dict[str, float]:
        """Every metric of one record's guess."""
        from harness.metrics import recovery, text
        from harness.metrics.pii import pii_span_recall

        truth = self.tokens[record]
        values = {
            "token_accuracy": recovery.token_accuracy(ids, truth, self.special_ids),
            "content_token_accuracy": recovery.content_token_accuracy(ids, truth, self.special_ids, self.frequent_ids),
            "exact_match": recovery.exact_match(ids, truth),
            "rouge_l": text.rouge_l(self.decode(list(ids)), self.decode(list(truth))),
            "pii_span_recall": pii_span_recall(ids, truth, self.spans.get(record, ())),
        }
        return values if self.ordered else values | super().metrics(record, ids)


@dataclass(frozen=True)
class AttributeSecret:
    """A binary attribute of each record; a guess is a score, larger meaning 1.

    Stored as ``score`` and ``label``, from which balanced accuracy and AUC are computed over the whole sample.
    """

    labels: Mapping[str, int]

    @property
    def records(self) -> tuple[str, ...]:
        """Ids of the scored records."""
        return tuple(self.labels)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """The guessed scores beside the true labels."""
        scores = []
        for record, label in self.labels.items():
            value = float(guess.get(record, 0.5))
            scores.append(Score(record=record, metric="score", value=_finite(value)))
            scores.append(Score(record=record, metric="label", value=float(label)))
        return tuple(scores)


def _token_ids(record: str, guess: Any) -> Sequence[int]:
    if not isinstance(guess, list | tuple) or not all(isinstance(t, int) for t in guess):
        raise ProtocolError(f"the guess for record {record!r} must be a list of token ids, got {type(guess).__name__}")
    return guess


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
