"""The wire log: every frame that crossed, in order, exactly as its bytes were. One log per run.

What a coalition sees is a filter of it, so passive attacks work on the very bytes that utility was earned with.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.errors import CodecError
from harness.util.untrusted import parse_json
from harness.wire.message import Message, decode

__all__ = ["LoggedFrame", "WireLog"]


@dataclass(frozen=True)
class LoggedFrame:
    """One frame: who sent it to whom, and its bytes. ``plain`` is the same message before the defense, kept
    only in simulations, where the data are the attacker's own."""

    sender: str
    receiver: str
    frame: bytes
    plain: bytes | None = None
    sealed: bool = False
    """Summed by secure aggregation: nobody but its sender sees it."""

    def message(self) -> Message:
        """The decoded message."""
        return decode(self.frame)


class WireLog:
    """An append-only list of entries with a byte form (no pickle)."""

    def __init__(self, entries: Iterable[LoggedFrame] = ()) -> None:
        self.entries: list[LoggedFrame] = list(entries)

    def append(self, entry: LoggedFrame) -> None:
        """Record one frame."""
        self.entries.append(entry)

    def seen_by(self, coalition: Iterable[str]) -> list[LoggedFrame]:
        """The coalition's transcript: frames that one of its members sent or received, sealed ones only if sent."""
        members = set(coalition)
        return [e for e in self.entries if e.sender in members or (e.receiver in members and not e.sealed)]

    def as_seen(self) -> WireLog:
        """The same log without the messages as they were before the defense."""
        return WireLog(replace(entry, plain=None) for entry in self.entries)

    def inbox(self, party: str) -> list[bytes]:
        """Frames that reached ``party``, in order: what a solo replay feeds it."""
        return [e.frame for e in self.entries if e.receiver == party]

    def outbox(self, party: str) -> list[bytes]:
        """Frames that ``party`` sent, in order."""
        return [e.frame for e in self.entries if e.sender == party]

    def to_bytes(self) -> bytes:
        """Length-prefixed JSON index, then the frames back to back."""
        index = [[e.sender, e.receiver, len(e.frame), *([1] if e.sealed else [])] for e in self.entries]
        head = json.dumps(index, separators=(",", ":")).encode()
        return struct.pack("<Q", len(head)) + head + b"".join(e.frame for e in self.entries)

    @classmethod
    def from_bytes(cls, data: bytes) -> WireLog:
        """Inverse of :meth:`to_bytes`; raises :class:`CodecError` when lengths do not add up."""
        try:
            (size,) = struct.unpack_from("<Q", data)
            index = parse_json(data[8 : 8 + size])
            at, entries = 8 + size, []
            for sender, receiver, length, *sealed in index:
                if not isinstance(length, int) or length < 0:
                    raise ValueError(f"a frame of length {length!r}")
                entries.append(LoggedFrame(str(sender), str(receiver), data[at : at + length], sealed=bool(sealed)))
                at += length
        except (struct.error, ValueError, TypeError) as error:
            raise CodecError(f"damaged wire log: {error}") from error
        if at != len(data):
            raise CodecError(f"damaged wire log: index covers {at} of {len(data)} bytes")
        return cls(entries)
