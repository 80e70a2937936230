"""Held-out texts, which each client is asked to classify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.scenario import DataError, Record, label_shares

if TYPE_CHECKING:
    import numpy

__all__ = ["SPARE", "held_out"]

SPARE = 4
"""Texts drawn for each that is used where clients get classes in their own shares."""


def held_out(
    pool: Sequence[Record],
    counts: Mapping[str, Mapping[str, int]],
    size: int,
    own: bool,
    rng: numpy.random.Generator,
    *,
    strict: bool = True,
) -> dict[str, tuple[Record, ...]]:
    """``size`` records of ``pool`` dealt evenly to the parties of ``counts`` (party -> class -> records).

    ``own``: with the class shares of the party's records, as the methods' papers test; otherwise alike for all.
    ``strict`` False: a record of the largest class left stands in where one is missing.

    Raises:
        DataError: the pool lacks records of a class.
    """
    parties = sorted(counts, key=lambda name: (len(name), name))
    if not own:
        return {party: tuple(pool[:size][k :: len(parties)]) for k, party in enumerate(parties)}
    stacks: dict[str, list[Record]] = {}
    for record in pool:
        stacks.setdefault(str(record.label), []).append(record)
    numbers = [size // len(parties) + (k < size % len(parties)) for k in range(len(parties))]
    return {
        party: tuple(_pop(stacks, label, strict) for label in _labels(counts[party], number, rng))
        for party, number in zip(parties, numbers, strict=True)
    }


def _labels(counts: Mapping[str, int], number: int, rng: numpy.random.Generator) -> list[str]:
    names = list(counts)
    chosen = rng.choice(len(names), size=number, p=list(label_shares(counts).values()))
    return [names[i] for i in chosen.tolist()]


def _pop(stacks: Mapping[str, list[Record]], label: str, strict: bool) -> Record:
    if not stacks.get(label) and not strict:
        return max(stacks.values(), key=len).pop()
    if not stacks.get(label):
        raise DataError(f"too few held-out texts of class {label!r}: set test_of to all, or make test smaller")
    return stacks[label].pop()
