"""Division of labelled records among clients: that of the live run, and those an attacker draws for shadow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.scenario import Candidate, Chosen, Item, Record, choose, held, label_counts, partition
from scenarios.common.planting import planted_property
from scenarios.common.posterior import Division, Seen, likely_counts

if TYPE_CHECKING:
    import numpy

    from scenarios.common.settings import PopulationSettings

__all__ = ["CURIOUS", "Population", "draw_shadow", "populate"]

CURIOUS = "client0"
"""The client that the coalition ``client`` is: a party like all others, of which no secret is scored."""


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

    The attacker knows of which clients the candidates are and how records were divided. Others are drawn from what
    that leaves possible, client by client (:mod:`scenarios.common.posterior`), so that sizes of parties and classes
    vary over shadow runs as they vary over live runs with these candidates.
    """
    size = settings.records - settings.canaries - settings.average
    drawn = [auxiliary[i] for i in rng.permutation(len(auxiliary)).tolist()]
    if settings.partition == "group":
        parts = _divided(settings, drawn[:size], (), rng, _asked_about(settings, candidates))
    elif candidates:
        parts = _likely(settings, drawn, candidates, size, rng)
    else:
        parts = _divided(settings, drawn[:size], (), rng)
    parts, planted = planted_property(settings, parts, labels, rng)
    return _population(held(candidates, members, parts), labels, planted)


def _divided(
    settings: PopulationSettings,
    records: Sequence[Record],
    labels: Sequence[str],
    rng: numpy.random.Generator,
    loads: Sequence[int] = (),
) -> dict[str, tuple[Record, ...]]:
    parts = partition(
        records,
        settings.clients,
        rng,
        how=settings.partition,
        alpha=settings.alpha,
        least=settings.least,
        labels=labels,
        loads=loads,
    )
    return {f"client{k}": part for k, part in enumerate(parts)}


def _asked_about(settings: PopulationSettings, candidates: Sequence[Candidate]) -> list[int]:
    """Candidates of each client."""
    return [sum(c.party == f"client{k}" for c in candidates) for k in range(settings.clients)]


def _likely(
    settings: PopulationSettings,
    pool: Sequence[Record],
    candidates: Sequence[Candidate],
    size: int,
    rng: numpy.random.Generator,
) -> dict[str, tuple[Record, ...]]:
    """``size`` records of ``pool``, divided as those of the live run may be."""
    stacks: dict[str, list[Record]] = {}
    for record in pool:
        stacks.setdefault(str(record.label), []).append(record)
    for candidate in candidates:
        stacks.setdefault(str(candidate.label), [])
    names = sorted(stacks)
    seen = Seen(
        tuple(int(c.party.removeprefix("client")) for c in candidates),
        tuple(names.index(str(c.label)) for c in candidates),
        flipped=tuple(c.canary and settings.canary_kind == "mislabelled" for c in candidates),
        picked=tuple(c.canary and settings.canary_kind == "rare" for c in candidates),
    )
    totals = tuple(len(stacks[name]) * settings.records / len(pool) for name in names)
    division = Division(settings.alpha, totals, settings.least, settings.clients)
    counts = likely_counts(division, seen, size, int(rng.integers(2**62)))
    parts: dict[str, list[Record]] = {f"client{k}": [] for k in range(settings.clients)}
    for party, row in zip(parts, counts.tolist(), strict=True):
        parts[party] = [_take(stacks, name) for name, number in zip(names, row, strict=True) for _ in range(number)]
    return {party: tuple(records) for party, records in parts.items()}


def _take(stacks: Mapping[str, list[Record]], label: str) -> Record:
    """A record of that label, or of the largest stack where none is left."""
    return (stacks[label] or max(stacks.values(), key=len)).pop()


def _population(
    records: Mapping[str, tuple[Item, ...]], labels: Sequence[str], planted: Mapping[str, int]
) -> Population:
    return Population(records, {party: label_counts(items, labels) for party, items in records.items()}, planted)
