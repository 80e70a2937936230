"""Executes protocols: starts the private parties, runs the curious function against them, accounts for it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DefenseError
from harness.models.meter import Meter, MeteredPart
from harness.models.refs import Encoder, PartRef
from harness.models.split import public_part
from harness.protocol.behaviours import LOCAL_ONLY
from harness.protocol.channel import Channel
from harness.protocol.net import SERVER, CuriousResources, Net
from harness.protocol.transport import Transport
from harness.runtime.answers import Finished, read_finished, read_own
from harness.runtime.execution import Execution, Outcome
from harness.runtime.fork_server import ForkServer
from harness.runtime.isolation import launch
from harness.runtime.worker_process import Limits
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.store.schema import Costs, LedgerEntry
from harness.util.process import peak_bytes, reset_peak
from harness.util.seeds import PUBLIC_SALT, torch_generator
from harness.wire.departures import Departure, measured
from harness.wire.log import LoggedFrame, WireLog
from harness.wire.message import Kind, Message, Value, encode

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Runner"]

_WHOLE_RUN = 4
"""Wall time of a run, the curious side's work included, over what may be spent on waiting for its worker."""


@dataclass
class Runner:
    """Executes protocols in one evaluation, with its isolation level, threads, limits, and secret salt."""

    isolation: str = "process"
    threads: int = 2
    limits: Limits = field(default_factory=Limits)
    """What one run may take before its worker is killed."""
    salt: str = PUBLIC_SALT
    fork_server: ForkServer | None = field(default=None, repr=False)

    def __enter__(self) -> Runner:
        if self.fork_server is None and self.isolation == "process":
            self.fork_server = ForkServer()
        elif self.fork_server is None and self.isolation == "sandbox":
            from harness.runtime.sandbox import SandboxServer

            self.fork_server = SandboxServer()
        return self

    @property
    def sandbox(self) -> str:
        """Level of the sandbox that private parties run in; empty where there is none."""
        return self.fork_server.sandbox if self.fork_server is not None else ""

    def scratch(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for the files of one run, where its worker can read them."""
        where = self.fork_server.scratch if self.fork_server is not None else None
        return tempfile.TemporaryDirectory(prefix="leakboard-", dir=where)

    def warm(self) -> None:
        """Start what makes workers, which takes seconds, ahead of the first run."""
        if self.fork_server is not None:
            self.fork_server.start()

    def __exit__(self, *_: object) -> None:
        if self.fork_server is not None:
            self.fork_server.close()
            self.fork_server = None

    def execute(self, deployment: Deployment, execution: Execution) -> Outcome:
        """Run the protocol once; :class:`DefenseError` when the submission breaks its contract."""
        reset_peak()
        with self.scratch() as scratch:
            spec = worker_spec(deployment, execution, self.threads, self.salt, Path(scratch))
            transport = launch(self.isolation, spec, self.fork_server, self.limits)
            try:
                return self._talk(deployment, execution, transport)
            finally:
                transport.close()

    def _talk(self, deployment: Deployment, execution: Execution, transport: Transport) -> Outcome:
        resources = _curious_resources(deployment, execution, self.salt)
        started = time.perf_counter()
        channel = Channel(
            transport,
            tuple(deployment.parties),
            paired=True,
            routes=deployment.routes,
            seconds=_WHOLE_RUN * self.limits.wall_seconds,
        )
        net = Net(channel, resources, execution.behaviour)
        deployment.curious(net)
        if channel.waiting:
            raise DefenseError(f"parties {sorted(channel.waiting)} still wait after the protocol ended")
        seconds = time.perf_counter() - started
        raw, own = transport.finish()
        transport.close()
        result, kept = read_finished(raw, deployment.parties), read_own(own, deployment.parties)
        predictions = _merged({**result.predictions, SERVER: net.predictions})
        costs = _costs(channel, result, resources.meter, transport.peak_bytes, seconds)
        log = channel.log if execution.paired else channel.log.as_seen()
        moved = (*measured(channel.log.entries), *_trained(result.ledger))
        return Outcome(log, predictions, result.ledger, costs, _kept(kept, net.own), moved)


def _trained(ledger: Sequence[LedgerEntry]) -> Iterator[Departure]:
    """Noise of private training, which moves no message and is compared between runs all the same."""
    import numpy as np

    for entry in ledger:
        if entry.mechanism == "dpsgd":
            yield Departure(entry.party, 0, 0, 0, "training dpsgd", "", np.array([entry.scale], np.float32))


def _curious_resources(deployment: Deployment, execution: Execution, salt: str) -> CuriousResources:
    meter = Meter()
    refs = deployment.local_parts if execution.behaviour == LOCAL_ONLY else deployment.curious_parts
    first = next(iter(deployment.parties.values()))
    return CuriousResources(
        settings=deployment.settings or first.settings,
        generator=torch_generator("curious", *first.seed, *execution.draw, salt=salt),
        meter=meter,
        parts={role: _lazy_part(ref, meter) for role, ref in refs.items()},
        embed=_embedding(deployment.encoder, meter) if deployment.encoder else None,
        knockout=deployment.knockout,
    )


def _embedding(encoder: Encoder, meter: Meter) -> Callable[[Sequence[str]], Tensor]:
    from harness.models.embeddings import stack, vectors

    def embed(texts: Sequence[str]) -> Tensor:
        rows = vectors(encoder).rows(texts)
        meter.flops += sum(flops for _, flops in rows)
        return stack(rows)

    return embed


def _merged(by_party: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Predictions of all parties by record; :class:`DefenseError` where two predicted the same one."""
    merged: dict[str, Any] = {}
    for party, predictions in by_party.items():
        if twice := sorted(merged.keys() & predictions.keys()):
            raise DefenseError(f"{party!r} predicted {twice[:3]}, which another party had predicted")
        merged |= predictions
    return merged


def _kept(log: WireLog, curious: Mapping[str, Value]) -> WireLog:
    if curious:
        log.append(LoggedFrame(SERVER, SERVER, encode(Message(Kind.CONTROL, dict(curious)))))
    return log


def _lazy_part(ref: PartRef, meter: Meter) -> Any:
    return lambda: MeteredPart(public_part(ref.model, ref.start, ref.stop, ref.head, ref.embed), meter)


def _costs(channel: Channel, result: Finished, meter: Meter, peak: int, seconds: float) -> Costs:
    up = [len(e.frame) for e in channel.log.entries if e.sender in channel.parties]
    down = [len(e.frame) for e in channel.log.entries if e.receiver in channel.parties]
    return Costs(
        bytes_up=sum(up) + channel.extra_bytes,
        bytes_down=sum(down),
        messages_up=len(up),
        messages_down=len(down),
        round_trips=channel.round_trips,
        private_flops=result.flops,
        curious_flops=meter.flops,
        private_peak_bytes=peak,
        curious_peak_bytes=peak_bytes(),
        wall_seconds=seconds,
        setup_seconds=result.setup.seconds,
        setup_flops=result.setup.flops,
    )
