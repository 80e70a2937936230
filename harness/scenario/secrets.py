"""Secrets: what is protected, and how a guess at it is scored, record by record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import ProtocolError
from harness.scenario.aggregate import AGGREGATE, CountSecret, DistributionSecret, PresenceSecret, PropertySecret
from harness.scenario.membership import MembershipSecret
from harness.store.schema import Score

if TYPE_CHECKING:
    from harness.metrics.alignment import AlignedText

__all__ = [
    "AGGREGATE",
    "AttributeSecret",
    "BagSecret",
    "BatchTextSecret",
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
    """The private texts as token ids; recovered wherever a guess has them (:mod:`harness.metrics.alignment`).

    Metrics: ``token_accuracy`` and ``content_token_accuracy`` (shares of tokens, in the best alignment of guess and
    text), ``exact_match`` (the whole text stands in the guess), ``pii_span_recall`` (share of the spans that do),
    ``rouge_l``; each in [0, 1] or undefined for a record. Neither case nor tokenisation count. Where texts are not
    ``ordered``, also those of a bag.
    """

    spans: Mapping[str, tuple[tuple[int, int], ...]]
    """Token ranges [start, end) of labelled personal information."""
    decode: Any
    """Token ids -> text, for ROUGE-L."""
    ordered: bool = True
    """Whether what is sent tells positions apart; an embedding of a whole text hardly does."""

    def metrics(self, record: str, ids: Sequence[int]) -> dict[str, float]:
        """Every metric of one record's guess."""
        from harness.metrics.alignment import AlignedText
        from harness.metrics.text import rouge_l

        truth = self.tokens[record]
        aligned = AlignedText(truth, self.decode, self.special_ids)
        spans = [aligned.holds(ids, first, stop) for first, stop in self.spans.get(record, ())]
        values = {
            "token_accuracy": aligned.share(ids),
            "content_token_accuracy": aligned.share(ids, self.frequent_ids),
            "exact_match": aligned.holds(ids),
            "rouge_l": rouge_l(self.decode([t for t in ids if t >= 0]), self.decode(list(truth))),
            "pii_span_recall": sum(spans) / len(spans) if spans else math.nan,
        }
        return values if self.ordered else values | super().metrics(record, self._as_true(aligned, ids))

    def _as_true(self, aligned: AlignedText, ids: Sequence[int]) -> list[int]:
        """The guessed tokens, each as the true or frequent token that says the same."""
        known = [*aligned.truth, *self.frequent_ids]
        same = dict(zip(reversed(aligned.pieces(known)), reversed(known), strict=True))
        return [same.get(piece, token) for piece, token in zip(aligned.pieces(ids), ids, strict=True)]


@dataclass(frozen=True)
class BatchTextSecret:
    """Texts of whole batches, of which no message says which is which: a guess maps a sender (or the sum of all) to a
    list of texts, each a list of token ids, in order of confidence; any order for equal ones.

    Guesses and texts of a sender are matched one to one, as well as they can be (Hungarian method on token F1), so that
    no guess counts twice. Only the first ``most`` guesses of a sender count. Metrics of each text are those of
    :class:`TextSecret`, but that an exact match says nothing beyond the text.
    Per sender, ``false_positives`` is the number of counted guesses that are none of the texts
    its party holds, and ``guesses`` that of counted ones.
    """

    texts: TextSecret
    senders: Mapping[str, tuple[str, ...]]
    """Sender -> ids of the records in its batch."""
    held: Mapping[str, frozenset[str]]
    """Sender -> all texts that stand behind its messages, as the tokenizer decodes them."""
    most: int
    """Guesses of a sender that count."""

    @property
    def records(self) -> tuple[str, ...]:
        """Ids of the scored records."""
        return tuple(record for group in self.senders.values() for record in group)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Scores of every text of every batch, and of every sender's guesses as a whole."""
        scores = []
        for sender, group in self.senders.items():
            guesses = [list(_token_ids(sender, one)) for one in _listed(sender, guess.get(sender, ()))[: self.most]]
            matched = self._matched(group, guesses)
            for record in group:
                ids = matched.get(record, [])
                values = self.texts.metrics(record, ids)
                values["exact_match"] *= self._as_long(record, ids)
                scores += [Score(record=record, metric=name, value=_finite(v)) for name, v in values.items()]
            wrong = sum(self._said(one) not in self.held[sender] for one in guesses)
            counted = {"false_positives": wrong, "guesses": len(guesses)}
            scores += [Score(record=sender, metric=name, value=float(n)) for name, n in counted.items()]
        return tuple(scores)

    def _matched(self, group: Sequence[str], guesses: Sequence[list[int]]) -> dict[str, list[int]]:
        """Record -> the guess that it is matched with."""
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        from harness.metrics.recovery import token_f1

        if not guesses:
            return {}
        truths = [self.texts.tokens[record] for record in group]
        near = np.array([[token_f1(one, truth) + (tuple(one) == tuple(truth)) for one in guesses] for truth in truths])
        rows, columns = linear_sum_assignment(near, maximize=True)
        return {group[row]: guesses[column] for row, column in zip(rows, columns, strict=True)}

    def _as_long(self, record: str, ids: Sequence[int]) -> bool:
        from harness.metrics.alignment import words

        return len(words(self._said(ids))) == len(words(self._said(self.texts.tokens[record])))

    def _said(self, ids: Sequence[int]) -> str:
        return str(self.texts.decode([token for token in ids if token >= 0])).strip()


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


def _listed(sender: str, guess: Any) -> Sequence[Any]:
    if not isinstance(guess, list | tuple):
        raise ProtocolError(f"the guess about {sender!r} must be a list of texts, got {type(guess).__name__}")
    return guess


def _token_ids(record: str, guess: Any) -> Sequence[int]:
    if not isinstance(guess, list | tuple) or not all(isinstance(t, int) for t in guess):
        raise ProtocolError(f"the guess for record {record!r} must be a list of token ids, got {type(guess).__name__}")
    return guess


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
