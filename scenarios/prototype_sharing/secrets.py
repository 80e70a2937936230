"""What is secret in prototype_sharing, and the truth about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.coalition import Candidate
from harness.data.candidates import Chosen
from harness.data.partition import label_shares
from harness.data.record import Record
from harness.membership import MembershipSecret
from harness.schema import Score
from harness.secret import CountSecret, DistributionSecret, PresenceSecret, PropertySecret, Secret, TextSecret
from harness.tokens import Tokens
from scenarios.population import CURIOUS, Population

__all__ = ["PrototypeMembership", "class_sizes", "secrets_of", "single_texts"]

FREQUENT = 100


@dataclass(frozen=True)
class PrototypeMembership(MembershipSecret):
    """Membership with, for the live run, the metric ``count``: how many records the prototype is of that the candidate
    is or would be in (0: none was sent). Leakage is reported by its strata."""

    counts: Mapping[str, int] = field(default_factory=dict)

    def score(self, guess: Mapping[str, Any]) -> tuple[Score, ...]:
        """Scores of a guess about the live run, with the counts beside them."""
        sizes = (Score(record=f"0:{c}", metric="count", value=float(self.counts[c])) for c in self.labels)
        return (*super().score(guess), *sizes)


def class_sizes(candidates: Sequence[Candidate], population: Population) -> dict[str, int]:
    """Candidate id -> records of its party that carry its label in the live run."""
    return {c.id: population.counts[c.party][str(c.label)] for c in candidates}


def single_texts(population: Population) -> dict[str, str]:
    """``party/class`` -> the text, for every class of which a party holds exactly one record."""
    return {
        f"{party}/{item.label}": item.text
        for party, items in population.records.items()
        for item in items
        if party != CURIOUS and population.counts[party][str(item.label)] == 1
    }


def secrets_of(
    population: Population, chosen: Chosen, auxiliary: Sequence[Record], tokens: Tokens, limit: int
) -> dict[str, Secret]:
    """All secrets of the live run by name; those of the curious client are none."""
    counts = {party: found for party, found in population.counts.items() if party != CURIOUS}
    secrets: dict[str, Secret] = {
        "label_distribution": DistributionSecret({party: label_shares(found) for party, found in counts.items()}),
        "class_presence": PresenceSecret({p: {name: int(n > 0) for name, n in c.items()} for p, c in counts.items()}),
        "count": CountSecret(counts),
        "text": _text_secret(single_texts(population), auxiliary, tokens, limit),
    }
    if chosen.candidates:
        plain = chosen.secret()
        sizes = class_sizes(chosen.candidates, population)
        secrets["membership"] = PrototypeMembership(plain.labels, plain.canaries, sizes)
    if population.planted:
        secrets["property"] = PropertySecret({p: value for p, value in population.planted.items() if p != CURIOUS})
    return secrets


def _text_secret(texts: Mapping[str, str], auxiliary: Sequence[Record], tokens: Tokens, limit: int) -> TextSecret:
    from harness.metrics.recovery import frequent_tokens

    return TextSecret(
        tokens={key: tuple(tokens.encode(text)[:limit]) for key, text in texts.items()},
        spans={},
        special_ids=tokens.special_ids,
        frequent_ids=frequent_tokens([tokens.encode(r.text)[:limit] for r in auxiliary], FREQUENT),
        decode=tokens.decode,
        ordered=False,
    )
