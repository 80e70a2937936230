"""A planted property: most of a party's texts are signed by one name or, planted on labels, that name goes with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.scenario import Record, numpy_generator, plant_attribute, plant_linked

if TYPE_CHECKING:
    import numpy

    from scenarios.common.settings import PopulationSettings

__all__ = ["SHARES", "planted_property", "signed"]

SHARES = (0.2, 0.8)
"""Share of records (of the first label) with the planted signature where the property does not hold, and where it
does."""


def planted_property(
    settings: PopulationSettings,
    parts: Mapping[str, tuple[Record, ...]],
    labels: Sequence[str],
    rng: numpy.random.Generator,
) -> tuple[dict[str, tuple[Record, ...]], dict[str, int]]:
    """Signed records of every party, and party -> 1 or 0, the property's value: 1 for a random half of them.

    The same records and an empty mapping where no property is planted.
    """
    if not settings.planted:
        return dict(parts), {}
    names = sorted(parts)
    holders = {names[i] for i in rng.permutation(len(names))[: len(names) // 2].tolist()}
    planted = {name: int(name in holders) for name in names}
    records: dict[str, tuple[Record, ...]] = {}
    for name in names:
        share = SHARES[planted[name]]
        linked = settings.planted_on == "label"
        records[name] = (
            plant_linked(parts[name], rng, share, labels[0]) if linked else plant_attribute(parts[name], rng, share)
        )
    return records, planted


def signed(
    settings: PopulationSettings, parts: Sequence[tuple[Record, ...]], axes: tuple[str | int, ...]
) -> tuple[tuple[Record, ...], ...]:
    """Records that belong to no client, part by part: signed half and half where a property is planted."""
    if not settings.planted:
        return tuple(parts)
    rng = numpy_generator("plant", *axes)
    return tuple(plant_attribute(records, rng) for records in parts)
