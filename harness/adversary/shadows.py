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
from harness.protocol.behaviours import HONEST
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.store.archive import Archive
from harness.util.keys import key
from harness.util.seeds import Axis, numpy_generator
from harness.wire.coalition import SERVER, Coalition
from harness.wire.departures import Departure, departures_from_bytes, departures_to_bytes
from harness.wire.log import WireLog
from harness.wire.message import decode

__all__ = ["ShadowBank", "ShadowPlan", "own_of", "seen_messages"]


@dataclass(frozen=True)
class ShadowPlan:
    """The shadow runs of one run: what they are runs of, how they are seeded, and how many there are.

    Raises:
        SuiteError: there are to be some, and the deployment cannot be drawn again.
    """

    deployment: Deployment
    submission: Submission | None
    """None: the run itself is undefended."""
    axes: tuple[Axis, ...]
    """Seed axes that all submissions share."""
    defended_key: str
    """What the run's shadows with its defense are kept under."""
    undefended_key: str
    """What those without are kept under, the same for every submission."""
    point: int = 0
    behaviour: str = HONEST
    budget: int = 0
    """Number of shadows; 0: none, and the live run is the only target."""

    def __post_init__(self) -> None:
        if self.budget and self.deployment.redraw is None:
            raise SuiteError("entitlement.shadow_budget: this scenario has no redraw; set it to 0")


@dataclass
class ShadowBank:
    """Shadow runs of one run: with its defense (targets in turn, and what an adaptive attacker trains on) and without
    (what an oblivious attacker trains on). Both see the same draws, which no submission has an influence on."""

    plan: ShadowPlan
    runner: Runner
    archive: Archive
    _drawn: dict[int, tuple[dict[str, bool], Deployment]] = field(default_factory=dict)
    _seen: dict[tuple[int, bool, str], Shadow] = field(default_factory=dict)

    def shadow(self, index: int, coalition: Coalition, *, defended: bool) -> Shadow:
        """Shadow ``index`` as the coalition sees it; run now, or found in the archive."""
        place = (index, defended, coalition.name)
        if place not in self._seen:
            members, drawn = self._draw(index)
            log, own = self._run(index, drawn, defended)
            seen = seen_messages(log, coalition)
            self._seen[place] = Shadow(seen, own_of(own, coalition, drawn), members, drawn.truth)
        return self._seen[place]

    def departures(self, index: int) -> tuple[Departure, ...]:
        """Distances by which the defense moved the messages of shadow ``index``."""
        files = self._files(index, self._draw(index)[1], defended=True)
        return departures_from_bytes(files["departures.bin"])

    def texts(self, index: int, coalition: Coalition) -> frozenset[str]:
        """Content ids of what the private parties of shadow ``index`` hold, those of the coalition left out."""
        _, drawn = self._draw(index)
        plans = [plan for name, plan in drawn.parties.items() if name not in coalition.parties]
        return frozenset(content_id(item.text) for plan in plans for item in plan.records)

    def members(self, index: int) -> Mapping[str, bool]:
        """Candidate id -> whether it is in its party in shadow ``index``."""
        return self._draw(index)[0]

    def drawn(self, index: int) -> Deployment:
        """The deployment that shadow ``index`` is a run of, with all that its private parties hold."""
        return self._draw(index)[1]

    def _draw(self, index: int) -> tuple[dict[str, bool], Deployment]:
        """Independent fair coins: a balanced design would tell a target's membership from the other shadows'."""
        plan = self.plan
        if not 0 <= index < plan.budget:
            raise SuiteError(f"shadow {index} is beyond the entry's shadow_budget of {self.plan.budget}")
        if index not in self._drawn:
            assert plan.deployment.redraw is not None
            rng = numpy_generator("shadow", *plan.axes, index)
            coins = rng.random(len(plan.deployment.candidates)) < 0.5
            members = {c.id: bool(coin) for c, coin in zip(plan.deployment.candidates, coins, strict=True)}
            self._drawn[index] = members, plan.deployment.redraw(rng, members)
        return self._drawn[index]

    def _run(self, index: int, drawn: Deployment, defended: bool) -> tuple[WireLog, WireLog]:
        files = self._files(index, drawn, defended=defended)
        return WireLog.from_bytes(files["wire.bin"]), WireLog.from_bytes(files["own.bin"])

    def _files(self, index: int, drawn: Deployment, *, defended: bool) -> Mapping[str, bytes]:
        plan = self.plan

        def make() -> Mapping[str, bytes]:
            submission = plan.submission if defended else None
            noise = ("shadow", index, "point", plan.point)
            task = Execution(submission, plan.point, plan.behaviour, noise=noise, draw=("shadow", index))
            outcome = self.runner.execute(drawn, task)
            moved = departures_to_bytes(outcome.departures)
            return {"wire.bin": outcome.log.to_bytes(), "own.bin": outcome.own.to_bytes(), "departures.bin": moved}

        base = plan.defended_key if defended and plan.submission is not None else plan.undefended_key
        return self.archive.get(key("shadow", base, list(plan.axes), index), make)


def seen_messages(log: WireLog, coalition: Coalition) -> tuple[SeenMessage, ...]:
    """The coalition's transcript, in order, all rounds."""
    return tuple(SeenMessage(e.sender, e.receiver, e.message()) for e in log.seen_by(coalition.members))


def own_of(own: WireLog, coalition: Coalition, deployment: Deployment) -> dict[str, Any]:
    """Values that the coalition has besides messages: the curious party's own under their names, a member client's
    under ``party/name``, and its records as ``party/records``."""
    known: dict[str, Any] = {}
    for entry in own.entries:
        message = decode(entry.frame)
        values = {name: message[name] for name in message.payload}
        if entry.sender == SERVER and coalition.sees_server:
            known |= values
        elif entry.sender in coalition.parties:
            known |= {f"{entry.sender}/{name}": value for name, value in values.items()}
    for party in sorted(coalition.parties & deployment.parties.keys()):
        known[f"{party}/records"] = deployment.parties[party].records
    return known
