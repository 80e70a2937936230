"""Replay of a live run: the parties again in a fresh worker, fed with their recorded inboxes.

The inputs are identical, only the defense's generator differs, as it does between the live run and an attacker's
simulations. A submission that could tell them apart, and behaved there in another way, would show.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from harness.protocol.channel import unpair
from harness.runtime.execution import Execution
from harness.runtime.isolation import launch
from harness.runtime.runner import Runner
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.wire.log import WireLog
from harness.wire.message import Message, decode, encode
from harness.wire.packing import Packed

__all__ = ["ALPHA", "ReplayedMessage", "constant", "departures", "randomised", "replay", "replay_test"]

ALPHA = 1e-4
"""Level of the two-sample test, over all fields of a run."""
ROWS = 32
"""Fewer vectors than this are compared by coordinates."""


@dataclass(frozen=True)
class ReplayedMessage:
    """A live message, the same one again with fresh noise, and what it was before the defense."""

    party: str
    live: Message
    again: Message
    plain: Message


def replay(runner: Runner, deployment: Deployment, task: Execution, log: WireLog, limit: int) -> list[ReplayedMessage]:
    """Up to ``limit`` messages of each party, sent again. ``task`` must be paired and have noise axes of its own."""
    with tempfile.TemporaryDirectory(prefix="leakboard-") as scratch:
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
                    replayed.append(ReplayedMessage(party, decode(sent), decode(frame), decode(plain)))
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


def departures(replayed: Sequence[ReplayedMessage]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Distances of live and of replayed messages from what they were before the defense, per kind and field: Euclidean
    norms of vectors, or absolute values of coordinates where there are few vectors."""
    moved: dict[str, tuple[list[Tensor], list[Tensor]]] = {}
    for message in replayed:
        for name, plain in message.plain.payload.items():
            if not isinstance(plain, Tensor | Packed):
                continue
            before, live, again = (m[name].double() for m in (message.plain, message.live, message.again))
            if live.shape == again.shape == before.shape and before.numel():
                pair = moved.setdefault(f"{message.plain.kind} {name}", ([], []))
                for side, value in zip(pair, (live, again), strict=True):
                    side.append((value - before).reshape(-1, before.shape[-1] if before.dim() else 1))
    for field, pair in moved.items():
        first, second = (torch.cat([rows.flatten() for rows in side]).abs() for side in pair)
        if sum(len(rows) for rows in pair[0]) >= ROWS:
            first, second = (torch.cat([torch.linalg.vector_norm(rows, dim=1) for rows in side]) for side in pair)
        yield field, first, second


def replay_test(replayed: Sequence[ReplayedMessage]) -> tuple[float, str]:
    """Smallest p-value of Kolmogorov-Smirnov tests over the fields (times their number), and its field; (1, "") when
    nothing can be compared."""
    from scipy.stats import ks_2samp

    tested = [(float(ks_2samp(a.numpy(), b.numpy(), method="asymp").pvalue), f) for f, a, b in departures(replayed)]
    if not tested:
        return 1.0, ""
    smallest, field = min(tested)
    return min(1.0, smallest * len(tested)), field
