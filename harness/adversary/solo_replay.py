"""Solo replay: private parties alone, each in a fresh worker, with their recorded inboxes and the same seeds.

All parties of a run live in one worker, where a submission could pool what they hold: a mean over everybody's records
is more private than any party's own, and no real deployment could send it. Alone, a party must emit the very bytes
that it sent. Where it does not, all parties are replayed together: if that gives the bytes of the run, it was the
company that made the difference; if not, messages are not reproducible at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DefenseError
from harness.protocol.channel import unpair
from harness.runtime.execution import Execution
from harness.runtime.isolation import launch
from harness.runtime.runner import Runner
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.util.untrusted import one_line
from harness.wire.log import WireLog

if TYPE_CHECKING:
    import numpy

__all__ = ["MESSAGES", "PARTIES", "SoloReplay", "solo_replay"]

PARTIES = 2
"""Parties of a run that are replayed, drawn at random for every run: a pool that matters has most of them."""
MESSAGES = 40
"""First messages of each that are compared."""

_Emitted = Mapping[str, list[bytes | None] | str]
"""Party -> what each of its steps sent (None: it was done), or why it failed."""


@dataclass(frozen=True)
class SoloReplay:
    """The outcome: parties that sent something else when they were alone, with what is known of the reason."""

    parties: tuple[str, ...]
    """Those that were replayed."""
    differing: tuple[str, ...] = ()
    failure: str = ""
    """Why the first of them failed, if that is the difference."""
    reproducible: bool = True
    """False where not even all parties together give the bytes of the run again."""

    @property
    def pooled(self) -> bool:
        """True where the company of other parties changes what one sends."""
        return bool(self.differing) and self.reproducible

    @property
    def reason(self) -> str:
        """The finding in a sentence; empty where all is well."""
        if not self.differing:
            return ""
        who = ", ".join(self.differing)
        if not self.reproducible:
            return f"messages of {who} are others with the same seeds and inputs; draw from self.me.generator alone"
        failed = f" ({self.failure})" if self.failure else ""
        return f"{who} sent something else when alone in a worker{failed}: state is shared between parties"


def solo_replay(
    runner: Runner, deployment: Deployment, task: Execution, log: WireLog, rng: numpy.random.Generator
) -> SoloReplay:
    """Replay up to :data:`PARTIES` parties of a finished run, each alone; ``task`` is the run's own execution."""
    names = list(deployment.parties)
    chosen = sorted(rng.permutation(len(names))[:PARTIES].tolist())
    replayed = tuple(names[place] for place in chosen)
    wanted = {name: _sent(log, name) for name in replayed}
    with runner.scratch() as scratch:
        spec = worker_spec(deployment, task, runner.threads, runner.salt, Path(scratch))
        alone = {name: _emitted(runner, spec, log, (name,))[name] for name in replayed}
        differing = tuple(name for name in replayed if alone[name] != wanted[name])
        if not differing:
            return SoloReplay(replayed)
        together = _emitted(runner, spec, log, tuple(names))
    failures = [failed for name in differing if isinstance(failed := alone[name], str)]
    same = all(together[name] == wanted[name] for name in differing) and len(names) > 1
    return SoloReplay(replayed, differing, failures[0] if failures else "", same)


def _sent(log: WireLog, party: str) -> list[bytes | None]:
    """Frames of the party's steps in the run, None where it was done."""
    sent: list[bytes | None] = [*log.outbox(party)]
    steps = 1 + len(log.inbox(party))
    return (sent + [None] * (steps - len(sent)))[:MESSAGES]


def _emitted(runner: Runner, spec: Mapping[str, Any], log: WireLog, names: Collection[str]) -> _Emitted:
    """Frames that parties send in one fresh worker that holds no others, fed in the order of the run."""
    part = {**spec, "parties": {name: spec["parties"][name] for name in names}}
    inputs: list[tuple[str, bytes | None]] = [(name, None) for name in names]
    inputs += [(entry.receiver, entry.frame) for entry in log.entries if entry.receiver in names]
    emitted: dict[str, list[bytes | None]] = {name: [] for name in names}
    try:
        transport = launch(runner.isolation, part, runner.fork_server, runner.limits)
        try:
            for name, frame in inputs:
                if len(names) > 1 or len(emitted[name]) < MESSAGES:
                    out = transport.step(name, frame)
                    emitted[name].append(None if out is None else unpair(out)[0])
        finally:
            transport.close()
    except DefenseError as error:
        return dict.fromkeys(names, one_line(error))
    return {name: steps[:MESSAGES] for name, steps in emitted.items()}
