"""Secrets of prototype_sharing and the truth about them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.scenario import (
    BagSecret,
    Candidate,
    Chosen,
    CountSecret,
    MembershipSecret,
    Record,
    Score,
    Secret,
    TextSecret,
    Tokens,
)
from scenarios.common.population import CURIOUS, Population
from scenarios.common.secrets import class_secrets, of_victims, property_secrets

__all__ = [
    "FEW",
    "PrototypeMembership",
    "PrototypeText",
    "PrototypeWords",
    "class_sizes",
    "secrets_of",
    "single_texts",
    "texts_of_few",
]

FREQUENT = 100
"""Most frequent auxiliary tokens, which content metrics leave out."""

FEW = range(2, 11)
"""Records of a class whose words are a secret of their own; a single one's text is, too."""


@dataclass(frozen=True)
class PrototypeMembership(MembershipSecret):
    """Membership with, for the live run, the metric ``count``: the records of the prototype that the candidate is in or
    would be in, itself included. Leakage is reported by its strata, which must not depend on the answer.
    """

    counts: Mapping[str, int] = field(default_factory=dict)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Scores of a guess about the live run, with the counts beside them."""
        sizes = (Score(record=f"0:{c}", metric="count", value=float(self.counts[c])) for c in self.labels)
        return (*super().score(guess), *sizes)


@dataclass(frozen=True)
class PrototypeText(TextSecret):
    """The text behind a prototype, with the metric ``count``: it is a single record's."""

    def metrics(self, record: str, ids: Sequence[int]) -> dict[str, float]:
        """Every metric of one record's guess, and the count."""
        return super().metrics(record, ids) | {"count": 1.0}


@dataclass(frozen=True)
class PrototypeWords(BagSecret):
    """The words behind a prototype, with the metric ``count``: the number of its records."""

    counts: Mapping[str, int] = field(default_factory=dict)

    def metrics(self, record: str, ids: Sequence[int]) -> dict[str, float]:
        """Every metric of one record's guess, and the count."""
        return super().metrics(record, ids) | {"count": float(self.counts[record])}


def class_sizes(candidates: Sequence[Candidate], members: Mapping[str, int], population: Population) -> dict[str, int]:
    """Candidate id -> records of its party that carry its label in the live run, other than itself, plus one: the same
    whether or not the candidate is a member.
    """
    return {c.id: population.counts[c.party][str(c.label)] - int(members[c.id]) + 1 for c in candidates}


def texts_of_few(population: Population, sizes: Container[int] = FEW) -> dict[str, list[str]]:
    """``party/class`` -> the texts, for every class of which a party holds that many records."""
    texts: dict[str, list[str]] = {}
    for party, items in population.records.items():
        for item in items:
            if party != CURIOUS and population.counts[party][str(item.label)] in sizes:
                texts.setdefault(f"{party}/{item.label}", []).append(item.text)
    return texts


def single_texts(population: Population) -> dict[str, str]:
    """``party/class`` -> the text, for every class of which a party holds exactly one record."""
    return {key: text for key, (text,) in texts_of_few(population, (1,)).items()}


def secrets_of(
    population: Population, chosen: Chosen, auxiliary: Sequence[Record], tokens: Tokens, limit: int
) -> dict[str, Secret]:
    """All secrets of the live run by name; those of the curious client are none."""
    secrets: dict[str, Secret] = {
        **class_secrets(population),
        "count": CountSecret(of_victims(population.counts)),
        **_words(population, auxiliary, tokens, limit),
    }
    if chosen.candidates:
        plain = chosen.secret()
        sizes = class_sizes(chosen.candidates, plain.labels, population)
        secrets["membership"] = PrototypeMembership(plain.labels, plain.canaries, sizes)
    return secrets | property_secrets(population)


def _words(
    population: Population, auxiliary: Sequence[Record], tokens: Tokens, limit: int
) -> dict[str, TextSecret | BagSecret]:
    from harness.scenario import frequent_tokens

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokens.encode(text)[:limit])

    frequent = frequent_tokens([ids(record.text) for record in auxiliary], FREQUENT)
    texts = texts_of_few(population)
    few = {key: tuple(t for text in some for t in ids(text)) for key, some in texts.items()}
    return {
        "text": PrototypeText(
            tokens={key: ids(text) for key, text in single_texts(population).items()},
            spans={},
            special_ids=tokens.special_ids,
            frequent_ids=frequent,
            decode=tokens.decode,
            ordered=False,
        ),
        "words": PrototypeWords(few, tokens.special_ids, frequent, {key: len(some) for key, some in texts.items()}),
    }
