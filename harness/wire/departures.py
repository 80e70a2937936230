"""Distances of what a party sent from what its defense was given: the trace of a defense that any two runs compare by.

The harness takes it from every run, whatever the run is for, so that a defense that is milder in one kind of run shows.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import CodecError
from harness.wire.message import Kind, Message, decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.wire.log import LoggedFrame

__all__ = ["Departure", "departures_from_bytes", "departures_of", "departures_to_bytes", "measured"]


@dataclass(frozen=True)
class Departure:
    """One field of one message: how far each of its rows is from what it was before the defense."""

    party: str
    session: int
    step: int
    round: int
    field: str
    """``KIND name``."""
    plain: str
    """Hash of the whole message before the defense: equal ones had the same input."""
    rows: NDArray[np.float32]
    """Euclidean norms of differences of vectors [n]; of lists 1 where an element is another; [inf] where the number of
    elements changed."""

    @property
    def place(self) -> tuple[str, int, int, int, str]:
        """Its place in the run."""
        return self.party, self.session, self.step, self.round, self.field


def measured(entries: Iterable[LoggedFrame]) -> tuple[Departure, ...]:
    """Departures of all messages of a paired log, in order."""
    return tuple(d for e in entries if e.plain is not None for d in departures_of(e.sender, e.message(), e.plain))


def departures_of(party: str, sent: Message, plain: bytes) -> Iterator[Departure]:
    """Departures of the fields of one message; ``plain`` is the frame it had without the defense."""
    before, name = decode(plain), hashlib.sha256(plain).hexdigest()[:16]
    for field in before.payload:
        if field in sent.payload:
            rows = _distances(sent[field], before[field])
            if sent.kind is Kind.GRADIENT:
                rows = _by_text(rows, before.payload.get("lengths"))
            yield Departure(party, sent.session, sent.step, sent.round, f"{sent.kind.name} {field}", name, rows)


def _distances(sent: Any, before: Any) -> NDArray[np.float32]:
    if hasattr(before, "shape"):
        if getattr(sent, "shape", None) != before.shape:
            return np.array([np.inf], np.float32)
        moved = (sent.double() - before.double()).numpy()
        moved = moved.reshape(-1, moved.shape[-1]) if moved.ndim > 1 else moved.reshape(-1, 1)
        rows: NDArray[np.float32] = np.linalg.norm(moved, axis=1).astype(np.float32)
        return rows
    if isinstance(before, Sequence) and not isinstance(before, str):
        if not isinstance(sent, Sequence) or len(sent) != len(before):
            return np.array([np.inf], np.float32)
        return np.array([a != b for a, b in zip(sent, before, strict=True)], np.float32)
    return np.array([sent != before], np.float32)


def _by_text(rows: NDArray[np.float32], lengths: Any) -> NDArray[np.float32]:
    """Norms over all rows of each text, of gradients of states: a text's rows may share one draw of noise, and tests of
    rows take them for independent."""
    if not isinstance(lengths, list) or sum(lengths) != len(rows) or min(lengths, default=0) < 1:
        return rows
    starts = np.cumsum([0, *lengths[:-1]])
    summed: NDArray[np.float32] = np.sqrt(np.add.reduceat(rows.astype(np.float64) ** 2, starts)).astype(np.float32)
    return summed


def departures_to_bytes(departures: Sequence[Departure]) -> bytes:
    """Length-prefixed JSON index, then the rows of all back to back (32-bit floats)."""
    index = [[*d.place, d.plain, len(d.rows)] for d in departures]
    head = json.dumps(index, separators=(",", ":")).encode()
    return struct.pack("<Q", len(head)) + head + b"".join(d.rows.astype("<f4").tobytes() for d in departures)


def departures_from_bytes(data: bytes) -> tuple[Departure, ...]:
    """Inverse of :func:`departures_to_bytes`; :class:`CodecError` where lengths do not add up."""
    try:
        (size,) = struct.unpack_from("<Q", data)
        index = json.loads(data[8 : 8 + size])
        rows = np.frombuffer(data, "<f4", offset=8 + size)
        ends = np.cumsum([0, *(length for *_, length in index)])
        if ends[-1] != len(rows):
            raise CodecError(f"damaged departures: index covers {ends[-1]} of {len(rows)} rows")
        parts = zip(index, ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        return tuple(
            Departure(str(party), int(session), int(step), int(number), str(name), str(plain), rows[a:b].astype("f4"))
            for (party, session, step, number, name, plain, _), a, b in parts
        )
    except (struct.error, ValueError, TypeError) as error:
        raise CodecError(f"damaged departures: {error}") from error
