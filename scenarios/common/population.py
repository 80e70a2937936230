"""Division of labelled records among clients: that of the live run, and those an attacker draws for shadow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.scenario import Candidate, Chosen, Item, Record, choose, held, label_counts, partition
from scenarios.common.planting import planted_property

if TYPE_CHECKING:
    import numpy

    from scenarios.common.settings import PopulationSettings

__all__ = ["CURIOUS", "Population", "draw_shadow", "populate"]

CURIOUS = "client0"
"""The client that the coalition ``client`` is: a party like all others, of which no secret is scored."""

INFORMED = 10
"""Candidates of a party from which its label shares are taken for shadow runs."""


@dataclass(frozen=True)
class Population:
    """Training records of every party, with the truth about them."""

    records: Mapping[str, tuple[Item, ...]]
    counts: Mapping[str, Mapping[str, int]]
    """Party -> class -> records, canaries counted under the label they carry."""
    planted: Mapping[str, int]
    """Party -> 1 where the planted property holds, else 0; empty if none is planted."""

    @property
    def truth(self) -> dict[str, Mapping[str, object]]:
        """Facts that an attacker knows of its shadow runs."""
        return {"counts": self.counts, "property": self.planted}


def populate(
    settings: PopulationSettings, private: Sequence[Record], labels: Sequence[str], rng: numpy.random.Generator
) -> tuple[Population, Chosen]:
    """The live run: private records divided among the clients, with membership candidates among them."""
    parts = _divided(settings, private, labels, rng)
    parts, planted = planted_property(settings, parts, labels, rng)
    victims = {party: records for party, records in parts.items() if party != CURIOUS}
    chosen = choose(victims, canaries=settings.canaries, average=settings.average, rng=rng, how=settings.canary_kind)
    records = held(chosen.candidates, chosen.members, {CURIOUS: parts[CURIOUS], **chosen.others})
    return _population(records, labels, planted), chosen


def draw_shadow(
    settings: PopulationSettings,
    auxiliary: Sequence[Record],
    candidates: Sequence[Candidate],
    members: Mapping[str, bool],
    labels: Sequence[str],
    rng: numpy.random.Generator,
) -> Population:
    """A shadow run: the candidates that are in, and auxiliary records in place of all other private ones.

    Of a party with enough candidates the attacker knows roughly what classes it holds: its records are drawn with the
    candidates' labels. The records of all others are divided as those of the live run were.
    """
    size = settings.records - settings.canaries - settings.average
    drawn = [auxiliary[i] for i in rng.permutation(len(auxiliary)).tolist()]
    seen = {f"client{k}": [c.label for c in candidates if c.party == f"client{k}"] for k in range(settings.clients)}
    if min(len(known) for party, known in seen.items() if party != CURIOUS) >= INFORMED:
        parts = _likely(seen, drawn, size, rng)
    else:
        parts = _divided(settings, drawn[:size], (), rng)
    parts, planted = planted_property(settings, parts, labels, rng)
    return _population(held(candidates, members, parts), labels, planted)


def _divided(
    settings: PopulationSettings, records: Sequence[Record], labels: Sequence[str], rng: numpy.random.Generator
) -> dict[str, tuple[Record, ...]]:
    parts = partition(
        records,
        settings.clients,
        rng,
        how=settings.partition,
        alpha=settings.alpha,
        least=settings.least,
        labels=labels,
    )
    return {f"client{k}": part for k, part in enumerate(parts)}


def _likely(
    seen: Mapping[str, Sequence[str | None]], pool: Sequence[Record], size: int, rng: numpy.random.Generator
) -> dict[str, tuple[Record, ...]]:
    """``size`` records in all, each party's like its candidates; the curious client's at random."""
    total = sum(map(len, seen.values()))
    share = size // len(seen)
    stacks: dict[str | None, list[Record]] = {}
    for record in pool:
        stacks.setdefault(record.label, []).append(record)
    parts: dict[str, tuple[Record, ...]] = {}
    for party, labels in seen.items():
        number = int((size - share) * len(labels) / total) if labels else share
        if labels:
            parts[party] = tuple(_take(stacks, labels[int(i)]) for i in rng.integers(len(labels), size=number))
        else:
            parts[party] = tuple(_take(stacks, _any(stacks, rng)) for _ in range(number))
    return parts


def _take(stacks: Mapping[str | None, list[Record]], label: str | None) -> Record:
    """A record of that label, or of the largest stack where none is left."""
    return (stacks.get(label) or max(stacks.values(), key=len)).pop()


def _any(stacks: Mapping[str | None, list[Record]], rng: numpy.random.Generator) -> str | None:
    """The label of a record drawn at random among those that are left."""
    number = int(rng.integers(sum(map(len, stacks.values()))))
    for label, stack in stacks.items():
        if number < len(stack):
            return label
        number -= len(stack)
    raise AssertionError("a number below the sum of the sizes falls into one of the stacks")


def _population(
    records: Mapping[str, tuple[Item, ...]], labels: Sequence[str], planted: Mapping[str, int]
) -> Population:
    return Population(records, {party: label_counts(items, labels) for party, items in records.items()}, planted)
