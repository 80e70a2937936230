"""An attacker's texts among others: a simulation has as many inputs as the live run, under the same ids.

Otherwise a submission would only have to count its inputs to know that it is being simulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.data.record import Item, content_id

if TYPE_CHECKING:
    import numpy

__all__ = ["Batch", "batches"]


@dataclass(frozen=True)
class Batch:
    """The inputs of one simulation, and where the attacker's own texts are among them."""

    items: tuple[Item, ...]
    places: tuple[int, ...]
    """Session of each of the attacker's texts, in their order."""


def batches(
    texts: Sequence[str],
    live: Sequence[Item],
    fill: Sequence[str],
    rng: numpy.random.Generator,
    known: Mapping[str, str] = MappingProxyType({}),
) -> list[Batch]:
    """``texts`` dealt to as few simulations as possible, each of as many inputs as ``live`` has, with the same ids.

    ``known`` texts (id -> text), which the attacker knows of the live run, stand in their own places where all others
    fit beside them, so that live and simulated messages of equal texts can be compared. ``fill`` are texts of the same
    kind, drawn without repetition for the places that are left; where they run out they are repeated. The attacker's
    texts stand at random places. A text that is asked for twice has two places.
    """
    size = len(live)
    kept = known if len(texts) <= size - len(known) else {}
    return [_batch(texts[start : start + size], live, fill, rng, kept) for start in range(0, len(texts), size)]


def _batch(
    texts: Sequence[str],
    live: Sequence[Item],
    fill: Sequence[str],
    rng: numpy.random.Generator,
    known: Mapping[str, str],
) -> Batch:
    asked = {content_id(text) for text in (*texts, *known.values())}
    spare = [text for text in fill if content_id(text) not in asked] or list(fill) or list(texts)
    free = [session for session, item in enumerate(live) if item.id not in known]
    missing = len(free) - len(texts)
    order = [spare[i] for _ in range(-(-missing // len(spare))) for i in rng.permutation(len(spare)).tolist()]
    places = [free[i] for i in rng.permutation(len(free)).tolist()]
    at = dict(zip(places, [*texts, *order[:missing]], strict=True))
    at |= {session: known[item.id] for session, item in enumerate(live) if item.id in known}
    items = tuple(Item(item.id, at[session]) for session, item in enumerate(live))
    return Batch(items, tuple(places[: len(texts)]))
