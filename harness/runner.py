"""Executes protocols: starts the private parties, runs the curious function against them, accounts for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import DefenseError
from harness.launch import Transport, Zygote, launch
from harness.memory import peak_bytes, reset_peak
from harness.meter import Meter, MeteredPart
from harness.models import Part, load_part, part_folder
from harness.net import SERVER, Channel, Net
from harness.once import once
from harness.scenario import Deployment, PartRef
from harness.schema import Costs, LedgerEntry
from harness.submission import Submission
from harness.tokens import tokenizer_folder
from harness.wire import WireLog

__all__ = ["Outcome", "Runner", "Task", "public_part", "with_items", "worker_spec"]

HONEST, KNOCKOUT, LOCAL_ONLY = "honest", "knockout", "local_only"


@dataclass(frozen=True)
class Task:
    """One protocol execution: which defense at which operating point, and how the curious party behaves."""

    submission: Submission | None
    """None: no defense."""
    point: int = 0
    behaviour: str = HONEST
    noise: tuple[str | int, ...] = ()
    """Extra axes of the defense's generators; the live run has its operating point here."""
    paired: bool = False
    """Keep every message as it was before the defense too; only on the attacker's own data."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameter values of the operating point."""
        return dict(self.submission.points[self.point].parameters) if self.submission else {}


@dataclass(frozen=True)
class Outcome:
    """What one execution left behind."""

    log: WireLog
    predictions: Mapping[str, Any]
    ledger: tuple[LedgerEntry, ...]
    costs: Costs


@dataclass
class Runner:
    """How protocols are executed in one evaluation: isolation level, threads, time limit, secret salt."""

    isolation: str = "process"
    threads: int = 2
    time_limit: float = 600.0
    """Seconds that one run may take before its worker is killed."""
    salt: str = ""
    zygote: Zygote | None = field(default=None, repr=False)

    def __enter__(self) -> Runner:
        if self.isolation == "process" and self.zygote is None:
            self.zygote = Zygote()
        return self

    def __exit__(self, *_: object) -> None:
        if self.zygote is not None:
            self.zygote.close()
            self.zygote = None

    def execute(self, deployment: Deployment, task: Task) -> Outcome:
        """Run the protocol once; :class:`DefenseError` when the submission breaks its contract."""
        reset_peak()
        spec = worker_spec(deployment, task, self.threads, self.salt)
        transport = launch(self.isolation, spec, self.zygote, self.time_limit)
        try:
            return self._talk(deployment, task, transport)
        finally:
            transport.close()

    def _talk(self, deployment: Deployment, task: Task, transport: Transport) -> Outcome:
        meter = Meter()
        refs = deployment.local_parts if task.behaviour == LOCAL_ONLY else deployment.curious_parts
        parts = {role: _lazy_part(ref, meter) for role, ref in refs.items()}
        started = time.perf_counter()
        channel = Channel(transport, tuple(deployment.parties), paired=task.paired)
        settings = next(iter(deployment.parties.values())).settings
        deployment.curious(Net(channel, parts, settings, task.behaviour))
        if channel.waiting:
            raise DefenseError(f"parties {sorted(channel.waiting)} still wait after the protocol ended")
        seconds = time.perf_counter() - started
        result = transport.finish()
        transport.close()
        predictions = {k: v for party in result["predictions"].values() for k, v in party.items()}
        ledger = tuple(LedgerEntry(**entry) for entry in result["ledger"])
        costs = _costs(channel, result, meter, transport.peak_bytes, seconds)
        return Outcome(channel.log, predictions, ledger, costs)


def worker_spec(deployment: Deployment, task: Task, threads: int, salt: str = "") -> dict[str, Any]:
    """The plain description from which a worker builds the private parties (:class:`harness.host.Host`)."""
    submission = task.submission and {
        "folder": str(task.submission.folder),
        "class": task.submission.target,
        "parameters": task.parameters,
    }
    parties = {
        name: {
            "items": [{"id": item.id, "text": item.text} for item in plan.items],
            "parts": {r: str(part_folder(p.model, p.start, p.stop, p.head, p.embed)) for r, p in plan.parts.items()},
            "settings": dict(plan.settings),
            "tokenizer": str(tokenizer_folder(deployment.public.model)),
            "public_texts": list(plan.public_texts),
            "seed": [*plan.seed, name, *task.noise],
        }
        for name, plan in deployment.parties.items()
    }
    return {
        "function": deployment.function,
        "submission": submission,
        "threads": threads,
        "paired": task.paired,
        "parties": parties,
        "salt": salt,
    }


def with_items(deployment: Deployment, items: Mapping[str, Any]) -> Deployment:
    """The same deployment with other inputs for the named parties (simulations, knock-out subsets)."""
    parties = {
        name: replace(plan, items=tuple(items[name])) if name in items else plan
        for name, plan in deployment.parties.items()
    }
    return replace(deployment, parties=parties)


@once(maxsize=16)
def public_part(model: str, start: int, stop: int | None, head: bool, embed: bool = True) -> Part:
    """A part of a public model, kept in memory between runs; its weights must not be changed."""
    return load_part(model, start, stop, head=head, embed=embed).requires_grad_(False)


def _lazy_part(ref: PartRef, meter: Meter) -> Any:
    return lambda: MeteredPart(public_part(ref.model, ref.start, ref.stop, ref.head, ref.embed), meter)


def _costs(channel: Channel, result: dict[str, Any], meter: Meter, peak: int, seconds: float) -> Costs:
    up = [len(e.frame) for e in channel.log.entries if e.receiver == SERVER]
    down = [len(e.frame) for e in channel.log.entries if e.sender == SERVER]
    return Costs(
        bytes_up=sum(up),
        bytes_down=sum(down),
        messages_up=len(up),
        messages_down=len(down),
        round_trips=channel.round_trips,
        private_flops=result["flops"],
        curious_flops=meter.flops,
        private_peak_bytes=peak,
        curious_peak_bytes=peak_bytes(),
        wall_seconds=seconds,
        setup_seconds=result["setup"]["seconds"],
        setup_flops=result["setup"]["flops"],
    )
