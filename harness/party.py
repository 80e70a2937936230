"""A private party's side: its records and model parts, and the link that applies the defense.

A party is a generator: it yields what it sends and is resumed with the answer,
``reply = yield me.send(HIDDEN, hidden=h)``. So many parties live in one worker without threads, and a
transport is no more than ``step(party, bytes | None) -> bytes | None``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from harness.contract import check_outgoing
from harness.defense import Defense, Item
from harness.errors import DefenseError, ProtocolError
from harness.message import Kind, Message, Value, decode, encode
from harness.meter import Meter, MeteredPart

__all__ = ["Link", "Party", "PartyFunction", "Sent"]


@dataclass(frozen=True)
class Sent:
    """A message on its way: ``live`` is what the defense returned, with its graph, for training scenarios."""

    plain: Message
    live: Message
    frame: bytes


class Link:
    """The private end of the wire: defense, contract check, codec. The frame holds a detached copy."""

    def __init__(self, defense: Defense, meter: Meter) -> None:
        self._defense = defense
        self._meter = meter

    def send(self, message: Message) -> Sent:
        """Apply the defense to ``message`` and encode the result; :class:`DefenseError` if it breaks the contract."""
        with self._meter.counting():
            defended = check_outgoing(message, self._defense.send(message))
        live = {k: _pass_gradient(message.payload[k], v) for k, v in defended.payload.items()}
        return Sent(message, replace(defended, payload=live), encode(defended))

    def receive(self, frame: bytes, sent: Sent) -> Message:
        """Decode an answer to ``sent`` and hand it through the defense."""
        message = replace(decode(frame), answers=sent.live)
        with self._meter.counting():
            arrived = self._defense.receive(message)
        if not isinstance(arrived, Message):
            raise DefenseError(f"receive() returned {type(arrived).__name__}, it must return the message")
        return arrived


def _pass_gradient(before: Value, after: Value) -> Value:
    """Straight-through where the defense cut the graph: forward the defended value, backward the identity."""
    if not (isinstance(before, Tensor) and before.requires_grad and isinstance(after, Tensor)):
        return after
    return after if after.requires_grad else before + (after - before).detach()


class Party:
    """``me`` in a scenario's private-party function."""

    def __init__(
        self,
        name: str,
        items: Sequence[Item],
        parts: Mapping[str, MeteredPart],
        settings: Mapping[str, Any],
        tokenizer: Any,
        link: Link,
    ) -> None:
        self.name = name
        self.settings = settings
        self.tokenizer = tokenizer
        self.predictions: dict[str, Any] = {}
        self.link = link
        self._items = tuple(items)
        self._parts = parts
        self._session, self._step, self._round = -1, 0, 0

    def inputs(self) -> Iterator[Item]:
        """The party's inputs in order; each opens a new session."""
        for index, item in enumerate(self._items):
            self._session, self._step = index, 0
            yield item

    def part(self, role: str) -> MeteredPart:
        """This party's own model part, by the role the scenario gave it."""
        if role not in self._parts:
            raise ProtocolError(f"party {self.name!r} has no model part {role!r}; it has {sorted(self._parts)}")
        return self._parts[role]

    def send(self, kind: Kind, **payload: Value) -> Sent:
        """Send through the defense; use as ``reply = yield me.send(...)``."""
        message = Message(kind, payload, max(self._session, 0), self._step, self._round)
        self._step += 1
        return self.link.send(message)

    def backward(self, sent: Sent, field: str, gradient: Tensor) -> None:
        """Send an arrived ``gradient`` of a sent field back through the defense into the party's modules."""
        live = sent.live.payload[field]
        if not isinstance(live, Tensor):
            raise ProtocolError(f"field {field!r} was not sent as a tensor, no gradient goes back through it")
        live.backward(gradient)  # type: ignore[no-untyped-call]

    def predict(self, record: str, value: Any) -> None:
        """Commit the party's final output on one record (JSON-like); utility is scored on these."""
        if record in self.predictions:
            raise ProtocolError(f"party {self.name!r} predicted record {record!r} twice")
        self.predictions[record] = value


PartyFunction = Callable[[Party], Generator[Sent, Message, None]]
