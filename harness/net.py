"""The curious side of a protocol: the channel that counts and delivers, and ``net`` of a scenario's server.

A curious party is a straight-line function that owns the rounds. With one private party it talks in
``receive``/``reply``; with many in ``gather``/``scatter``. Either way every private party that waits is
answered exactly once before it is heard again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from harness.errors import ProtocolError
from harness.launch import Transport
from harness.message import Kind, Message, Value, encode
from harness.meter import MeteredPart
from harness.wire import Entry, WireLog

__all__ = ["Channel", "Net"]

SERVER = "server"


class Channel:
    """The harness's end of the wire: steps the parties, records every frame, counts round trips."""

    def __init__(self, transport: Transport, parties: tuple[str, ...], *, paired: bool = False) -> None:
        self.log = WireLog()
        self.round_trips = 0
        self._transport = transport
        self._paired = paired
        self.waiting: dict[str, Message] = {}
        self._live = list(parties)
        for party in parties:
            self._take(party, self._transport.step(party, None))

    def answer(self, party: str, message: Message) -> None:
        """Deliver the answer to ``party`` and take its next message, if it has one."""
        if party not in self.waiting:
            raise ProtocolError(f"party {party!r} is not waiting for an answer")
        frame = encode(message)
        del self.waiting[party]
        self.log.append(Entry(SERVER, party, frame))
        self.round_trips += 1
        self._take(party, self._transport.step(party, frame))

    def _take(self, party: str, out: bytes | None) -> None:
        if out is None:
            self._live.remove(party)
            return
        frame, plain = _unpair(out) if self._paired else (out, None)
        entry = Entry(party, SERVER, frame, plain)
        self.waiting[party] = entry.message()
        self.log.append(entry)


def _unpair(out: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack_from("<I", out)
    return out[4 : 4 + size], out[4 + size :]


class Net:
    """``net`` in a scenario's curious function.

    ``behaviour`` is ``honest``; ``knockout`` (the control of design.md section 4: every answer is computed from
    the previous session's message instead); or a name that the scenario itself understands.
    """

    def __init__(
        self,
        channel: Channel,
        parts: Mapping[str, Callable[[], MeteredPart]],
        settings: Mapping[str, Any],
        behaviour: str = "honest",
    ) -> None:
        self.settings = settings
        self.behaviour = behaviour
        self._channel = channel
        self._parts = parts
        self._current: dict[str, Message] = {}
        self._previous: dict[int, Message] = {}
        self._earlier: dict[int, Message] = {}

    def part(self, role: str) -> MeteredPart:
        """The curious party's own model part of that role."""
        return self._parts[role]()

    def gather(self) -> dict[str, Message]:
        """What every private party that still runs has sent; empty when all are done."""
        self._current = {name: self._delivered(message) for name, message in self._channel.waiting.items()}
        return dict(self._current)

    def scatter(self, kind: Kind, payloads: Mapping[str, Mapping[str, Value]]) -> None:
        """Answer each named party with its own payload."""
        for name, payload in payloads.items():
            asked = self._current.pop(name, None)
            if asked is None:
                raise ProtocolError(f"party {name!r} was answered without having been heard")
            self._channel.answer(name, Message(kind, payload, asked.session, asked.step, asked.round))

    def scatter_all(self, kind: Kind, **payload: Value) -> None:
        """Answer every party heard in the last :meth:`gather` with the same payload."""
        self.scatter(kind, dict.fromkeys(self._current, payload))

    def receive(self) -> Message | None:
        """The next message of the only private party; None when it is done."""
        heard = self.gather()
        if len(heard) > 1:
            raise ProtocolError("receive() is for one private party; use gather() for several")
        return next(iter(heard.values()), None)

    def reply(self, kind: Kind, **payload: Value) -> None:
        """Answer the message last received."""
        self.scatter_all(kind, **payload)

    def _delivered(self, message: Message) -> Message:
        if self.behaviour != "knockout":
            return message
        if message.step == 0:
            self._earlier, self._previous = self._previous, {}
        self._previous[message.step] = message
        other = self._earlier.get(message.step)
        return message.replace(**{k: _refit(other, k, v) for k, v in message.tensors().items()})


def _refit(other: Message | None, name: str, like: Tensor) -> Tensor:
    """The field of another session, repeated or cut along its first dimension to the shape of ``like``."""
    if other is None or name not in other.payload:
        return torch.zeros_like(like)
    source: Tensor = other[name]
    if source.shape[1:] != like.shape[1:]:
        return torch.zeros_like(like)
    rows = torch.arange(like.shape[0]) % source.shape[0] if like.dim() else None
    return source if rows is None else source[rows]
