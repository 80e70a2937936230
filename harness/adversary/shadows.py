"""Shadow runs: the whole protocol on data that the attacker drew, one bank per run, shared by all its attacks.

The bank follows Carlini et al. (2022), "Membership inference attacks from first principles", section IV, and every
shadow is a target in turn, so that non-member scores suffice for the false-positive rate that is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.attack import SeenMessage, Shadow
from harness.data.record import content_id
from harness.errors import SuiteError
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.store.archive import Archive
from harness.util.keys import key
from harness.util.seeds import Axis, numpy_generator
from harness.wire.coalition import SERVER, Coalition
from harness.wire.log import WireLog
from harness.wire.message import decode

__all__ = ["ShadowBank", "own_of", "sightings"]


@dataclass
class ShadowBank:
    """Shadow runs of one run: with its defense (targets in turn, and what an adaptive attacker trains on) and without
    (what an oblivious attacker trains on). Both see the same draws, which no submission has an influence on."""

    runner: Runner
    deployment: Deployment
    submission: Submission | None
    point: int
    behaviour: str
    axes: tuple[Axis, ...]
    """Seed axes that all submissions share."""
    defended_key: str
    undefended_key: str
    archive: Archive
    budget: int = 0
    """Number of shadows; 0: none, and the live run is the only target."""
    _drawn: dict[int, tuple[dict[str, bool], Deployment]] = field(default_factory=dict)
    _seen: dict[tuple[int, bool, str], Shadow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.budget and self.deployment.redraw is None:
            raise SuiteError("entitlement.shadow_budget: this scenario has no redraw; set it to 0")

    def shadow(self, index: int, coalition: Coalition, *, defended: bool) -> Shadow:
        """Shadow ``index`` as the coalition sees it; run now, or found in the archive."""
        place = (index, defended, coalition.name)
        if place not in self._seen:
            members, drawn = self._draw(index)
            log, own = self._run(index, drawn, defended)
            seen = sightings(log, coalition)
            self._seen[place] = Shadow(seen, own_of(own, coalition, drawn), members, drawn.truth)
        return self._seen[place]

    def texts(self, index: int, coalition: Coalition) -> frozenset[str]:
        """Content ids of what the private parties of shadow ``index`` hold, those of the coalition left out."""
        _, drawn = self._draw(index)
        plans = [plan for name, plan in drawn.parties.items() if name not in coalition.parties]
        return frozenset(content_id(item.text) for plan in plans for item in plan.records)

    def drawn(self, index: int) -> Deployment:
        """The deployment that shadow ``index`` is a run of, with all that its private parties hold."""
        return self._draw(index)[1]

    def _draw(self, index: int) -> tuple[dict[str, bool], Deployment]:
        """Independent fair coins: a balanced design would tell a target's membership from the other shadows'."""
        if not 0 <= index < self.budget:
            raise SuiteError(f"shadow {index} is beyond the entry's shadow_budget of {self.budget}")
        if index not in self._drawn:
            assert self.deployment.redraw is not None
            rng = numpy_generator("shadow", *self.axes, index)
            coins = rng.random(len(self.deployment.candidates)) < 0.5
            members = {c.id: bool(coin) for c, coin in zip(self.deployment.candidates, coins, strict=True)}
            self._drawn[index] = members, self.deployment.redraw(rng, members)
        return self._drawn[index]

    def _run(self, index: int, drawn: Deployment, defended: bool) -> tuple[WireLog, WireLog]:
        def make() -> Mapping[str, bytes]:
            submission = self.submission if defended else None
            noise = ("shadow", index, "point", self.point)
            task = Execution(submission, self.point, self.behaviour, noise=noise, draw=("shadow", index))
            outcome = self.runner.execute(drawn, task)
            return {"wire.bin": outcome.log.to_bytes(), "own.bin": outcome.own.to_bytes()}

        base = self.defended_key if defended and self.submission is not None else self.undefended_key
        files = self.archive.get(key("shadow", base, list(self.axes), index), make)
        return WireLog.from_bytes(files["wire.bin"]), WireLog.from_bytes(files["own.bin"])


def sightings(log: WireLog, coalition: Coalition) -> tuple[SeenMessage, ...]:
    """The coalition's transcript, in order, all rounds."""
    return tuple(SeenMessage(e.sender, e.receiver, e.message()) for e in log.seen_by(coalition.members))


def own_of(own: WireLog, coalition: Coalition, deployment: Deployment) -> dict[str, Any]:
    """What the coalition has besides messages: the curious party's own values under their names, a member client's
    under ``party/name``, and its records as ``party/records``."""
    found: dict[str, Any] = {}
    for entry in own.entries:
        message = decode(entry.frame)
        values = {name: message[name] for name in message.payload}
        if entry.sender == SERVER and coalition.sees_server:
            found |= values
        elif entry.sender in coalition.parties:
            found |= {f"{entry.sender}/{name}": value for name, value in values.items()}
    for party in sorted(coalition.parties & deployment.parties.keys()):
        found[f"{party}/records"] = deployment.parties[party].records
    return found
