"""Reader of prototypes: the class means that each party sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.attack import SERVER, Floats, Kind, SeenMessage

__all__ = ["Prototype", "distinct", "of_class", "prototypes"]


@dataclass(frozen=True)
class Prototype:
    """One class mean that a party sent in one round; ``count`` where the message says how many records it is of."""

    party: str
    label: str
    round: int
    vector: Floats
    count: float | None


def prototypes(transcript: Iterable[SeenMessage], labels: Sequence[str]) -> list[Prototype]:
    """All prototypes that parties sent, in order; those that the server sent are of party ``server``.

    A message holds ``means [k, d]`` and may hold ``classes`` (their names, or positions in ``labels``; all of them
    if absent) and ``counts [k]``. Rows without records (count 0, or all zeros) are no prototypes.
    """
    sent: list[Prototype] = []
    seen: set[int] = set()
    for sighting in transcript:
        message = sighting.message
        if message.kind is not Kind.PROTOTYPE or "means" not in message.payload:
            continue
        if sighting.sender == SERVER:  # every client is told the same: once a round is enough
            if message.round in seen:
                continue
            seen.add(message.round)
        sent += _rows(sighting.sender, message.payload, message["means"], message.round, labels)
    return sent


def of_class(sent: Sequence[Prototype], party: str, label: str) -> list[Prototype]:
    """The prototypes of one class, by round, of ``party``; the server's if the coalition does not see that party's."""
    whose = party if any(p.party == party for p in sent) else SERVER
    return [p for p in sent if p.party == whose and p.label == label]


def distinct(sent: Sequence[Prototype]) -> Floats:
    """The different vectors ``[k, d]`` among a class's prototypes, in order: one that is sent again tells nothing new,
    neither of the records nor of the noise.
    """
    return np.stack(list({p.vector.tobytes(): p.vector for p in sent}.values()))


def _rows(sender: str, payload: Mapping[str, Any], means: Any, round_: int, labels: Sequence[str]) -> list[Prototype]:
    vectors = means.double().numpy()
    names = [labels[c] if isinstance(c, int) else c for c in payload.get("classes", range(len(vectors)))]
    counts = [float(n) for n in payload["counts"]] if "counts" in payload else [None] * len(vectors)
    return [
        Prototype(sender, name, round_, vector, count)
        for name, vector, count in zip(names, vectors, counts, strict=True)
        if count != 0 and vector.any()
    ]
