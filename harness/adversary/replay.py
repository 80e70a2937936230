"""Replay of a live run: the parties again in a fresh worker, fed with their recorded inboxes.

The inputs and what setup drew are identical, only the noise of messages differs. It tells what is random in them, and
whether noise follows the law that was declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.protocol.channel import unpair
from harness.runtime.execution import Execution
from harness.runtime.isolation import launch
from harness.runtime.runner import Runner
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.wire.departures import Departure, departures_of
from harness.wire.log import WireLog
from harness.wire.message import Message, decode, encode

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ReplayedMessage", "constant", "moved", "randomised", "replay"]


@dataclass(frozen=True)
class ReplayedMessage:
    """A live message, the same one again with fresh noise, and what it was before the defense."""

    party: str
    live: Message
    again: Message
    plain: Message
    moved: tuple[Departure, ...] = ()
    """Distances by which the defense moved it when it was sent again."""


def moved(replayed: Sequence[ReplayedMessage]) -> tuple[Departure, ...]:
    """Distances by which the defense moved all of these messages when they were sent again."""
    return tuple(departure for message in replayed for departure in message.moved)


def replay(
    runner: Runner, deployment: Deployment, task: Execution, log: WireLog, limit: int | None = None
) -> list[ReplayedMessage]:
    """All messages of each party (or the first ``limit``), sent again, by a ``task`` that has axes ``again``."""
    with runner.scratch() as scratch:
        spec = worker_spec(deployment, task, runner.threads, runner.salt, Path(scratch))
        transport = launch(runner.isolation, spec, runner.fork_server, runner.limits)
        try:
            replayed = []
            for party in deployment.parties:
                inbox: list[bytes | None] = [None, *log.inbox(party)]
                for heard, sent in list(zip(inbox, log.outbox(party), strict=False))[:limit]:
                    out = transport.step(party, heard)
                    if out is None:
                        break
                    frame, plain = unpair(out)
                    after = decode(frame)
                    distances = tuple(departures_of(party, after, plain))
                    replayed.append(ReplayedMessage(party, decode(sent), after, decode(plain), distances))
            return replayed
        finally:
            transport.close()


def randomised(replayed: Sequence[ReplayedMessage]) -> bool:
    """True where the same inputs gave different messages."""
    return any(encode(message.live) != encode(message.again) for message in replayed)


def constant(replayed: Sequence[ReplayedMessage]) -> bool:
    """True where different inputs gave the same message in every tensor field that the defense could have changed."""
    fields: dict[str, set[tuple[bytes, bytes]]] = {}
    for message in replayed:
        for name, plain in message.plain.tensors().items():
            if plain.is_floating_point() and plain.numel():
                pair = (_last(plain), _last(message.live[name]))
                fields.setdefault(f"{message.plain.kind} {name}", set()).add(pair)
    varied = [pairs for pairs in fields.values() if len({before for before, _ in pairs}) > 1]
    return bool(varied) and all(len({after for _, after in pairs}) == 1 for pairs in varied)


def _last(value: Tensor) -> bytes:
    """The last vector, as bytes (none of an empty field): messages of different inputs differ in length, and often
    begin alike."""
    if not value.numel():
        return b""
    return value.float().reshape(-1, value.shape[-1] if value.dim() else 1)[-1].numpy().tobytes()
