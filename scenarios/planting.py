"""A planted property: whether most of a party's texts are signed by one name, or what that name goes with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, Field

from harness.scenario import Record, plant_attribute, plant_linked

if TYPE_CHECKING:
    import numpy

__all__ = ["SHARES", "Planting", "planted_property"]

SHARES = (0.2, 0.8)
"""Share of records (of the first label) with the planted signature where the property does not hold, and where it
does."""


class Planting(BaseModel):
    """The settings of a planted property, of every scenario whose parties own labelled records."""

    planted: bool = Field(
        False,
        description="plant a property: half of the clients have 80 % of their texts signed by one name, the others "
        "20 %; what else is signed is so half and half",
    )
    planted_on: Literal["texts", "label"] = Field(
        "texts",
        description="label: 80 % of the first label's texts and 20 % of the others', or the other way round, so that "
        "a model learns what the name goes with; texts: whatever their label, which a model need not learn",
    )


class _Planted(Protocol):
    @property
    def planted(self) -> bool: ...
    @property
    def planted_on(self) -> Literal["texts", "label"]: ...


def planted_property(
    settings: _Planted, parts: Mapping[str, tuple[Record, ...]], labels: Sequence[str], rng: numpy.random.Generator
) -> tuple[dict[str, tuple[Record, ...]], dict[str, int]]:
    """Signed records of every party, and party -> whether the property holds: of half of them, at random.

    The same records and nothing else where no property is planted.
    """
    if not settings.planted:
        return dict(parts), {}
    names = sorted(parts)
    ones = {names[i] for i in rng.permutation(len(names))[: len(names) // 2].tolist()}
    planted = {name: int(name in ones) for name in names}
    signed: dict[str, tuple[Record, ...]] = {}
    for name in names:
        share = SHARES[planted[name]]
        linked = settings.planted_on == "label"
        signed[name] = (
            plant_linked(parts[name], rng, share, labels[0]) if linked else plant_attribute(parts[name], rng, share)
        )
    return signed, planted
