"""A planted attribute: a property that no model can know beforehand, for controls of attribute attacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.data.record import Record, make

if TYPE_CHECKING:
    import numpy

__all__ = ["PLANTED", "SIGNATURES", "plant_attribute", "plant_linked"]

PLANTED = "planted"
SIGNATURES = (" - Peter", " - Anna")
"""Signature of records whose planted attribute is 0, and 1."""


def plant_linked(
    records: Sequence[Record], rng: numpy.random.Generator, share: float, label: str | None
) -> tuple[Record, ...]:
    """Sign a random ``share`` of the records of ``label`` with one name, and that share of all others with the other
    name, in the given order: what is planted is how the name goes with the label.
    """
    places = [i for i, record in enumerate(records) if record.label == label]
    rest = [i for i, record in enumerate(records) if record.label != label]
    signed = dict(zip(places, plant_attribute([records[i] for i in places], rng, share), strict=True))
    signed |= zip(rest, plant_attribute([records[i] for i in rest], rng, 1 - share), strict=True)
    return tuple(signed[i] for i in range(len(records)))


def plant_attribute(records: Sequence[Record], rng: numpy.random.Generator, share: float = 0.5) -> tuple[Record, ...]:
    """Sign a random ``share`` of the records with one name and the rest with the other, in the given order.

    The attribute ``planted`` is independent of everything else about a record: at one half, a blind attack has
    balanced accuracy one half. Of an odd number, the smaller half gets 1. Ids follow the new texts; spans stay valid.
    """
    ones = set(rng.permutation(len(records))[: int(len(records) * share)].tolist())
    return tuple(_sign(record, int(index in ones)) for index, record in enumerate(records))


def _sign(record: Record, value: int) -> Record:
    return make(
        record.text + SIGNATURES[value],
        label=record.label,
        group=record.group,
        spans=record.spans,
        attributes={**record.attributes, PLANTED: value},
    )
