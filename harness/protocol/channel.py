"""The harness's end of the wire: steps the parties, records every frame, counts round trips.

Every message is held against its kind's contract (:mod:`harness.wire.kinds`) before it is logged.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from dataclasses import replace
from math import inf

import torch

from harness.errors import CodecError, DefenseError, LeakboardError, ProtocolError
from harness.protocol.transport import Transport
from harness.util.untrusted import one_line
from harness.wire.coalition import SERVER
from harness.wire.kinds import payload_problems
from harness.wire.log import LoggedFrame, WireLog
from harness.wire.message import Message, decode, encode

__all__ = ["Channel", "unpair"]

MAX_PROBLEMS = 2000
"""Characters of a sentence about everything that is wrong with a message."""


class Channel:
    """Private parties on one side, the curious function on the other, and the wire log between them.

    ``routes`` names the curious party that a private one talks to, where it is not the server. After ``seconds`` of
    wall time no further message is taken: a worker that goes on sending would keep the curious side busy for ever.
    """

    def __init__(
        self,
        transport: Transport,
        parties: tuple[str, ...],
        *,
        paired: bool = False,
        routes: Mapping[str, str] | None = None,
        seconds: float = inf,
    ) -> None:
        self.log = WireLog()
        self.round_trips = 0
        self.extra_bytes = 0
        """Sent up beside the frames: keys and shares of secure aggregation."""
        self.parties = parties
        self.waiting: dict[str, Message] = {}
        self._transport = transport
        self._paired = paired
        self._routes = routes or {}
        self._heard: dict[str, int] = {}
        self._seconds, self._until = seconds, time.monotonic() + seconds
        for party in parties:
            self._take(party, self._transport.step(party, None))

    def answer(self, party: str, message: Message) -> None:
        """Deliver the answer to ``party`` and take its next message, if it has one.

        Raises:
            ProtocolError: the party awaits none, or the message breaks its kind's contract.
            DefenseError: the party's next message does.
        """
        if party not in self.waiting:
            raise ProtocolError(f"party {party!r} is not waiting for an answer")
        _check_payload(self._peer(party), party, message, ProtocolError)
        frame = encode(message)
        del self.waiting[party]
        self.log.append(LoggedFrame(self._peer(party), party, frame))
        self.round_trips += 1
        self._take(party, self._transport.step(party, frame))

    def seal(self, party: str) -> None:
        """Mark the message that ``party`` waits with as sealed: only its sender sees it."""
        place = self._heard[party]
        self.log.entries[place] = replace(self.log.entries[place], sealed=True)

    def relay(self, sender: str, receiver: str, message: Message) -> None:
        """Record a message between curious parties; :class:`ProtocolError` where it breaks its kind's contract."""
        _check_payload(sender, receiver, message, ProtocolError)
        self.log.append(LoggedFrame(sender, receiver, encode(message)))

    def _peer(self, party: str) -> str:
        return self._routes.get(party, SERVER)

    def _take(self, party: str, out: bytes | None) -> None:
        if out is None:
            return
        if time.monotonic() > self._until:
            raise DefenseError(f"messages of {party!r} did not end within {self._seconds:g} s of one run")
        frame, plain = unpair(out) if self._paired else (out, None)
        entry = LoggedFrame(party, self._peer(party), frame, plain)
        message = _read(party, frame)
        _check_payload(party, entry.receiver, message, DefenseError)
        if plain is not None and (before := _read(party, plain)).payload.keys() != message.payload.keys():
            raise DefenseError(f"party {party!r} sent {sorted(message.payload)[:8]} for {sorted(before.payload)[:8]}")
        self.waiting[party] = message
        self._heard[party] = len(self.log.entries)
        self.log.append(entry)


def _read(party: str, frame: bytes) -> Message:
    """The message in a private party's frame, all of its numbers finite; else a :class:`DefenseError`."""
    try:
        message = decode(frame)
    except CodecError as error:
        raise DefenseError(one_line(f"party {party!r} sent something that is no message: {error}")) from error
    odd = [n for n, t in message.tensors().items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    if odd:
        raise DefenseError(one_line(f"party {party!r} sent NaN or infinity in {', '.join(map(repr, odd))}"))
    return message


def _check_payload(sender: str, receiver: str, message: Message, error: type[LeakboardError]) -> None:
    """Raise ``error`` with everything in which ``message`` breaks its kind's contract."""
    if problems := payload_problems(message):
        where = f"message {message.kind} from {sender} to {receiver} in round {message.round}"
        raise error(one_line(f"{where} breaks the contract of its kind: " + "; ".join(problems), MAX_PROBLEMS))


def unpair(out: bytes) -> tuple[bytes, bytes]:
    """A frame of a paired run: what was sent, and the same message before the defense.

    Raises:
        DefenseError: it is too short to be a pair.
    """
    if len(out) < 4 or len(out) - 4 < (size := struct.unpack_from("<I", out)[0]):
        raise DefenseError(f"{len(out)} bytes that are no pair of messages")
    return out[4 : 4 + size], out[4 + size :]
