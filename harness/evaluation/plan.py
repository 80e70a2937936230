"""From a suite and a submission to runs and cells, each with its key; nothing is executed here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.attack import Attack
from harness.errors import SuiteError
from harness.plugins import registry
from harness.plugins.submission import Submission
from harness.plugins.suite import AttackSpec, Entry, Suite
from harness.protocol.behaviours import CENTRALISED, HONEST, KNOCKOUT, LOCAL_ONLY, MALICIOUS
from harness.runtime.execution import Execution
from harness.scenario.checks import deployment_problems
from harness.scenario.deployment import Deployment
from harness.scenario.plugin import Scenario
from harness.scenario.tasks import UtilityTask
from harness.store.schema import RESULTS_VERSION
from harness.util.keys import key, source_hash
from harness.util.seeds import PUBLIC_SALT, Axis, secret_axis

__all__ = ["ALIKE", "REPLAY", "SOLO", "CellPlan", "RunPlan", "plan_cells"]

REPLAY = "same_in_simulation"
"""Name of the control that compares the live run with the same messages sent again (:mod:`harness.adversary.replay`),
with simulations and with shadow runs."""
ALIKE = "same_in_all_runs"
"""Name of the control that compares a knock-out run, or an active attacker's, with the honest one."""
SOLO = "same_alone"
"""Name of the control that compares each party's messages with those it sends alone in a worker
(:mod:`harness.adversary.solo_replay`)."""


@dataclass(frozen=True)
class RunPlan:
    """One run to be made or found in the store."""

    key: str
    suite: Suite
    entry: Entry
    seed: int
    deployment: Deployment
    submission: Submission
    execution: Execution
    salt: str = PUBLIC_SALT

    @property
    def seed_axes(self) -> tuple[Axis, ...]:
        """Seed axes shared by every submission."""
        return (self.suite.name, self.entry.scenario, self.entry.name, self.seed, secret_axis(self.salt))

    def columns(self) -> dict[str, Any]:
        """The columns that the records of the run and of its cells share."""
        return {
            "suite": self.suite.label,
            "entry": self.entry.name,
            "scenario": self.entry.scenario,
            "submission": self.submission.name,
            "point": self.execution.point,
            "seed": self.seed,
            "behaviour": self.execution.behaviour,
        }


@dataclass(frozen=True)
class CellPlan:
    """One attack on a run, or one utility task."""

    key: str
    run: RunPlan
    role: str
    name: str
    variant: str = ""
    attack: AttackSpec | None = None
    task: UtilityTask | None = None
    reference: RunPlan | None = None
    """The undefended run: utility may compare with it, and oblivious attackers train on its shadows."""
    beside: RunPlan | None = None
    """The honest run of the same point, which a control compares with."""

    @property
    def label(self) -> str:
        """The line that progress shows."""
        point = self.run.submission.points[self.run.execution.point].label
        where = f"{self.run.entry.name} s{self.run.seed} {self.run.submission.name} [{point}]"
        behaviour = "" if self.run.execution.behaviour == HONEST else f" {self.run.execution.behaviour}"
        return f"{where}{behaviour} {self.name}" + (f" {self.variant}" if self.variant else "")


def plan_cells(
    suite: Suite,
    submission: Submission,
    undefended: Submission,
    points: tuple[int, ...],
    isolation: str,
    salt: str,
    jobs: int = 1,
) -> Iterator[CellPlan]:
    """All cells of ``submission`` on the suite's applicable entries, with the undefended and control cells that
    its scores need; cells of one run are adjacent. ``jobs`` deployments are built at a time.
    """
    _check_tracks(suite)
    entries = [entry for entry in suite.entries if submission.applies_to(entry.scenario)]
    places = [(entry, seed) for entry in entries for seed in entry.seeds]
    with ThreadPoolExecutor(jobs) as pool:
        for (entry, seed), deployment in zip(places, pool.map(partial(_build, suite, salt), places), strict=True):
            maker = _Maker(suite, entry, seed, deployment, isolation, salt)
            yield from maker.cells(submission, undefended, points)


def _build(suite: Suite, salt: str, place: tuple[Entry, int]) -> Deployment:
    entry, seed = place
    scenario = registry.load("scenario", entry.scenario)
    if not isinstance(scenario, Scenario):
        raise SuiteError(f"scenario {entry.scenario!r} is a {type(scenario).__name__}, not a harness Scenario")
    of_scenario = () if suite.one_draw else (entry.scenario,)
    deployment = scenario.deployment(entry.name, entry.settings, (suite.name, *of_scenario, seed, secret_axis(salt)))
    _check_secrets(entry, deployment)
    return deployment


@dataclass(frozen=True)
class _Maker:
    suite: Suite
    entry: Entry
    seed: int
    deployment: Deployment
    isolation: str
    salt: str

    def cells(self, submission: Submission, undefended: Submission, points: tuple[int, ...]) -> Iterator[CellPlan]:
        base = self.run(undefended, 0, HONEST)
        yield from self.utility(base, base)
        yield from self.blind_utility(base)
        yield from self.attacks(base, base, blind=True)
        yield from self.attacks(base, base, blind=False)
        yield from self.active(undefended, 0, base)
        yield from self.utility(self.run(undefended, 0, LOCAL_ONLY), base)
        if CENTRALISED in self.deployment.variants:
            yield from self.utility(self.run(undefended, 0, CENTRALISED), base)
        yield from self.utility(self.run(undefended, 0, KNOCKOUT), base)
        for point in points:
            run = self.run(submission, point, HONEST)
            if run.key != base.key:
                yield from self.utility(run, base)
                yield CellPlan(key(run.key, "control", REPLAY), run, "control", REPLAY, reference=base)
                yield CellPlan(key(run.key, "control", SOLO), run, "control", SOLO, reference=base)
                yield from self.attacks(run, base, blind=False)
                yield from self.active(submission, point, base)
            swapped = self.run(submission, point, KNOCKOUT)
            yield from self.utility(swapped, base)
            if run.key != base.key:
                yield self.alike(swapped, run, base)

    def run(self, submission: Submission, point: int, behaviour: str) -> RunPlan:
        execution = Execution(submission, point, behaviour, noise=("point", point))
        variant = self.deployment.variants.get(behaviour)
        deployment = variant() if variant else self.deployment
        run_key = key(
            entry=self.entry.key_part(),
            suite=self.suite.label,
            threads=self.suite.threads,
            protocol=_protocol(self.deployment),
            submission=submission.hash,
            parameters=execution.parameters,
            point=point,
            seed=self.seed,
            behaviour=behaviour,
            model=self.deployment.model_id,
            data=self.deployment.data_id,
            isolation=self.isolation,
            salt=key(self.salt),
            results=RESULTS_VERSION,
            **({"claim": claim.model_dump()} if (claim := submission.claim_at(point)) else {}),
        )
        return RunPlan(run_key, self.suite, self.entry, self.seed, deployment, submission, execution, self.salt)

    def utility(self, run: RunPlan, base: RunPlan) -> Iterator[CellPlan]:
        for task in self.deployment.tasks:
            cell_key = key(run.key, "utility", task.name, base.key)
            yield CellPlan(cell_key, run, "utility", task.name, task=task, reference=base)

    def blind_utility(self, base: RunPlan) -> Iterator[CellPlan]:
        for task in self.deployment.tasks:
            yield CellPlan(key(base.key, "blind utility", task.name), base, "blind", task.name, task=task)

    def active(self, submission: Submission, point: int, base: RunPlan) -> Iterator[CellPlan]:
        """Attacks in which the curious party acts, each behaviour on a run of its own."""
        for behaviour in dict.fromkeys(spec.behaviour for spec in self.entry.attacks if spec.behaviour != HONEST):
            run = self.run(submission, point, behaviour)
            if submission.hash != base.submission.hash:
                yield self.alike(run, self.run(submission, point, HONEST), base)
            yield from self.attacks(run, base, blind=False)

    def alike(self, run: RunPlan, honest: RunPlan, base: RunPlan) -> CellPlan:
        """The control that a defense behaves in this run as in the honest one."""
        return CellPlan(key(run.key, "control", ALIKE), run, "control", ALIKE, reference=base, beside=honest)

    def attacks(self, run: RunPlan, base: RunPlan, *, blind: bool) -> Iterator[CellPlan]:
        for spec in self.entry.attacks:
            if not blind and spec.behaviour != run.execution.behaviour:
                continue
            attack = _attack(spec.name)
            if attack.blind is not blind:
                continue
            source = _source(registry.target("attack", spec.name))
            for variant in ("",) if blind else spec.variants:
                cell_key = key(run.key, "attack", spec.key_part(), variant, source)
                yield CellPlan(cell_key, run, _role(attack), spec.name, variant, attack=spec, reference=base)


def _role(attack: type[Attack]) -> str:
    """Only the last one ranks."""
    kinds = {"blind": attack.blind, "informed": attack.informed, "diagnostic": attack.diagnostic, "attack": True}
    return next(role for role, is_so in kinds.items() if is_so)


def _source(target: str) -> str:
    module = target.partition(":")[0]
    return source_hash(module, module.partition(".")[0])


def _protocol(deployment: Deployment) -> str:
    """Source of both sides of a protocol: the private party's module and the curious party's."""
    curious: Any = deployment.curious
    sides = (deployment.function, getattr(curious, "func", curious).__module__)
    return key(*(_source(side) for side in sides))


def make_attack(spec: AttackSpec) -> Attack:
    """The attack of a spec with its parameters; :class:`SuiteError` when it does not take them."""
    cls: Any = registry.load("attack", spec.name)
    try:
        attack: Attack = cls(**spec.parameters)
    except TypeError as error:
        raise SuiteError(f"attack {spec.name!r} does not take parameters {spec.parameters}: {error}") from error
    return attack


def _check_tracks(suite: Suite) -> None:
    """Results of a malicious server share no suite, and so no rank and no overall score, with others.

    Raises:
        SuiteError: an entry of both kinds, or one that feeds the score of a scenario set.
    """
    breaking = {e.name for e in suite.entries if any(spec.behaviour == MALICIOUS for spec in e.attacks)}
    rest = sorted({entry.name for entry in suite.entries} - breaking)
    if breaking and (rest or suite.scenario_set):
        beside = f"beside {', '.join(rest)}" if rest else f"in the scenario set {suite.scenario_set!r}"
        raise SuiteError(
            f"suite {suite.label}: the server is malicious in {', '.join(sorted(breaking))}, {beside}; "
            "give it a suite of its own"
        )


def _track_problems(entry: Entry, deployment: Deployment) -> Iterator[str]:
    """Attacks that would stand beside those of the other track; blind attacks see nothing of a server."""
    for spec in entry.attacks:
        blind, breaks = _attack(spec.name).blind, spec.behaviour == MALICIOUS
        if breaks and not deployment.malicious:
            yield f"attack {spec.name!r} is one of a malicious server; this deployment's follows the protocol"
        elif deployment.malicious and not breaks and not blind:
            yield (
                f"attack {spec.name!r} is one of a server that follows the protocol, and is never compared with those "
                f"of a malicious one: give it behaviour {MALICIOUS!r}, or an entry in another suite"
            )


def _attack(name: str) -> type[Attack]:
    """The attack of that name."""
    attack = registry.load("attack", name)
    if not (isinstance(attack, type) and issubclass(attack, Attack)):
        raise SuiteError(f"attack {name!r} at {registry.target('attack', name)} is not a harness Attack")
    return attack


def _check_secrets(entry: Entry, deployment: Deployment) -> None:
    problems = [*deployment_problems(deployment), *_track_problems(entry, deployment)]
    for what, wanted, known in (
        ("aim at secrets", {spec.secret for spec in entry.attacks}, deployment.secrets),
        ("are made by coalitions", {spec.coalition for spec in entry.attacks}, deployment.coalitions),
    ):
        if missing := sorted(wanted - set(known)):
            problems.append(f"attacks {what} {missing}; this deployment has {', '.join(sorted(known))}")
    if problems:
        raise SuiteError(f"entry {entry.name!r}: " + "; ".join(problems))
    importlib.import_module(deployment.function.partition(":")[0])
