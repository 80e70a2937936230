"""Canaries that leave a trace in what a generator writes: an ordinary beginning, then words that only this record has.

A record that is improbable throughout is memorised but never generated; one with a usual beginning is entered by the
generator of its own accord (Meeus et al. 2025, "The Canary's Echo", section 5).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.scenario import Candidate, Chosen, DataError, Item, Record, content_id
from scenarios.common.population import Population, populate
from scenarios.synthetic_fusion.settings import Settings

if TYPE_CHECKING:
    import numpy

__all__ = ["Cast", "cast", "rare_words", "repeated"]

BEGINNING, RARE = 5, 5
"""Words of the ordinary beginning, and rare words after it."""

_WORD = re.compile(r"[a-z]{4,}")


@dataclass(frozen=True)
class Cast:
    """The live run's records and candidates, with the beginning and the rest of each canary that has a beginning."""

    population: Population
    chosen: Chosen
    openings: Mapping[str, tuple[str, str]]
    """Canary id -> (beginning, secret rest)."""


def cast(settings: Settings, private: Sequence[Record], public: Sequence[Record], rng: numpy.random.Generator) -> Cast:
    """Divide the private records among the clients, with candidates, and write the canaries.

    Raises:
        DataError: too few records, or too few rare words for canaries.
    """
    labels, kind = sorted(settings.prefixes), settings.canary_kind
    if kind not in ("echo", "pii"):
        return Cast(*populate(settings, private, labels, rng), {})
    division = settings.model_copy(
        update={"canaries": 0, "average": settings.canaries + settings.average, "canary_kind": "rare"}
    )
    population, chosen = populate(division, private, labels, rng)
    ending = _rare_ending([r.text for r in public], rng) if kind == "echo" else _personal_ending(rng)
    openings: dict[str, tuple[str, str]] = {}
    texts: dict[str, str] = {}
    candidates: list[Candidate] = []
    for number, drawn in enumerate(chosen.candidates):
        candidate = drawn
        if number < settings.canaries:
            beginning, rest = " ".join(candidate.text.split()[:BEGINNING]), ending()
            openings[candidate.id], texts[candidate.text] = (beginning, rest), f"{beginning} {rest}"
            candidate = replace(candidate, text=texts[candidate.text], canary=True)
        candidates.append(candidate)
    records = {
        party: tuple(replace(item, text=texts.get(item.text, item.text)) for item in items)
        for party, items in population.records.items()
    }
    return Cast(replace(population, records=records), replace(chosen, candidates=tuple(candidates)), openings)


def repeated(records: Sequence[Item], canaries: frozenset[str], times: int) -> tuple[Item, ...]:
    """The records, with each whose text is a canary's ``times`` times, as records of their own.

    Neither ids nor order tell canaries or copies: both are by content anew.
    """
    everything = [r for r in records for _ in range(times if r.text in canaries else 1)]
    order = sorted(everything, key=lambda record: content_id(record.text))
    return tuple(replace(r, id=f"{r.id.partition('.')[0]}.r{n}") for n, r in enumerate(order))


def rare_words(texts: Sequence[str], *, most: int = 2) -> list[str]:
    """Words of at least four letters in at most ``most`` of ``texts``, sorted."""
    counts = Counter(word for text in texts for word in set(_WORD.findall(text.casefold())))
    return sorted(word for word, count in counts.items() if count <= most)


def _rare_ending(texts: Sequence[str], rng: numpy.random.Generator) -> Callable[[], str]:
    words = rare_words(texts)
    if len(words) < RARE:
        raise DataError(
            f"{len(words)} rare words in {len(texts)} public texts: echo canaries need {RARE}; raise public"
        )
    return lambda: " ".join(words[int(i)] for i in rng.choice(len(words), RARE, replace=False))


def _personal_ending(rng: numpy.random.Generator) -> Callable[[], str]:
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(int(rng.integers(2**32)))
    return lambda: f"ask for {fake.first_name()} {fake.last_name()} on {fake.numerify('07### ######')}"
