"""Contract check of an attack: its declaration, then both variants of it on the tiny deployments that it applies to.

The numbers mean nothing; what is checked is that the attack runs, returns guesses of the right form for its secret, and
draws from the view's generator alone. It takes seconds for each scenario.
"""

from __future__ import annotations

import ast
import inspect
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.adversary.shadows import seen_messages
from harness.attack import Attack
from harness.errors import DataError, LeakboardError
from harness.evaluation.cells import compute_attack, defense_card, make_banks, replayed
from harness.evaluation.finished_run import FinishedRun
from harness.evaluation.plan import CellPlan, RunPlan
from harness.evaluation.trial import LIMITS, Checked, loaded_scenarios, noisy_submission
from harness.plugins import registry
from harness.plugins.submission import Submission
from harness.plugins.suite import AttackSpec, Entry, Suite
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.plugin import Scenario
from harness.store.schema import CellRecord
from harness.wire.message import Kind

__all__ = ["check_attack"]

SHADOWS = 3
"""Shadow runs that the attack may learn from, where the scenario makes any."""
VARIANTS = ("oblivious", "adaptive")


def check_attack(name: str) -> Checked:
    """Everything that is wrong with a registered attack.

    Raises:
        UnknownName: no attack of that name.
    """
    try:
        attack = registry.load("attack", name)
    except ImportError as error:
        return Checked((f"{registry.target('attack', name)} cannot be imported: {error}",))
    if not (isinstance(attack, type) and issubclass(attack, Attack)):
        return Checked((f"{registry.target('attack', name)} is no class that derives from harness.attack.Attack",))
    scenarios = loaded_scenarios()
    problems = [*_declaration_problems(name, attack, scenarios), *_import_problems(attack)]
    if problems:
        return Checked(tuple(problems))
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as folder, Runner(isolation="none", threads=1, limits=LIMITS) as runner:
        trials = _Trials(name, attack, runner, noisy_submission(Path(folder)), notes)
        for scenario in scenarios.values():
            if any(_kind(secret) == _kind(attack.secret) for secret in scenario.secrets):
                problems += trials.problems(scenario, scenario.small(folder))
    if not any(note.startswith("guessed") for note in notes):
        notes.append("it guessed nowhere: try it in a suite with settings that it is made for")
    return Checked(tuple(problems), tuple(notes))


def _kind(secret: str) -> str:
    """The part of a secret's name that an attack is matched by."""
    return secret.partition(":")[0]


def _declaration_problems(name: str, attack: type[Attack], scenarios: Mapping[str, Scenario]) -> Iterator[str]:
    for text in ("name", "summary", "source", "secret"):
        value = getattr(attack, text, None)
        if not (isinstance(value, str) and value.strip()) or "\n" in value:
            yield f"{text}: declare it on the class as one line of text (it is {value!r})"
    if getattr(attack, "name", name) != name:
        yield f"name: the class says {attack.name!r}, the table of plugins {name!r}; make them equal"
    secrets = {_kind(secret) for scenario in scenarios.values() for secret in scenario.secrets}
    if isinstance(attack.secret, str) and _kind(attack.secret) not in secrets:
        yield f"secret: no scenario has a secret {attack.secret!r}; there are {', '.join(sorted(secrets))}"
    for names in ("reads", "coalitions"):
        value = getattr(attack, names)
        if not (isinstance(value, tuple) and all(isinstance(one, str) for one in value)):
            yield f"{names}: declare a tuple of names (it is {value!r})"
        elif names == "reads" and (strange := sorted(set(value) - set(Kind.__members__))):
            yield f"reads: {', '.join(strange)} is no kind of message; there are {', '.join(Kind.__members__)}"
    for flag in ("blind", "diagnostic", "informed"):
        if not isinstance(getattr(attack, flag), bool):
            yield f"{flag}: declare True or False (it is {getattr(attack, flag)!r})"
    if attack.guess is Attack.guess:
        yield "guess: the class has none; it maps a view to a guess"
    for parameter in _required(attack):
        if parameter != _kind(attack.secret):
            yield f"constructor: parameter {parameter!r} has no default; suites may leave parameters out"


def _required(attack: type[Attack]) -> list[str]:
    parameters = inspect.signature(attack).parameters.values()
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variadic]


def _import_problems(attack: type[Attack]) -> Iterator[str]:
    """Imports of the attack's own file."""
    file = inspect.getsourcefile(attack)
    for node in ast.walk(ast.parse(Path(file).read_bytes())) if file else ():
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            if module.partition(".")[0] == "harness" and module != "harness.attack":
                yield f"{file}, line {node.lineno}: import from harness.attack, not from {module}"


@dataclass
class _Trials:
    """The attack's runs on tiny deployments."""

    name: str
    attack: type[Attack]
    runner: Runner
    submission: Submission
    notes: list[str]

    def problems(self, scenario: Scenario, deployment: Deployment) -> Iterator[str]:
        """Problems on one deployment; what was tried goes into the notes."""
        kind = _kind(self.attack.secret)
        secrets = [name for name in deployment.secrets if _kind(name) == kind]
        coalitions = [c for c in deployment.coalitions if not self.attack.coalitions or c in self.attack.coalitions]
        if not secrets or not coalitions:
            self.notes.append(f"{scenario.name}: its small deployment has no such secret or coalition")
            return
        spec = self._spec(secrets[0], coalitions[0])
        plan = self._plan(scenario, deployment, spec)
        finished = FinishedRun.from_outcome(plan, self.runner.execute(deployment, plan.execution))
        seen = seen_messages(finished.log, deployment.coalitions[spec.coalition])
        if lacking := sorted(
            set(self.attack.reads) - {s.message.kind.name for s in seen} if not self.attack.blind else ()
        ):
            self.notes.append(f"{scenario.name}: coalition {spec.coalition} sees no {', '.join(lacking)}")
            return
        where = f"{scenario.name}, secret {spec.secret}, coalition {spec.coalition}"
        yield from (f"{where}, {problem}" for problem in self._guesses(where, plan, spec, finished))

    def _guesses(self, where: str, plan: RunPlan, spec: AttackSpec, finished: FinishedRun) -> Iterator[str]:
        banks = make_banks(finished, self.runner)
        card = defense_card(finished, banks, lambda: replayed(finished, self.runner))
        for variant in ("",) if self.attack.blind else VARIANTS:
            cell = CellPlan("check", plan, "attack", self.name, variant, attack=spec, reference=plan)
            try:
                first, again = (compute_attack(cell, finished, banks, card) for _ in range(2))
            except DataError as error:  # suites have more records than the tiny deployment
                self.notes.append(f"{where}: needs more data ({error})")
                return
            except Exception as error:  # an attack may raise anything
                yield f"{variant or 'blind'}: {_said(error)}"
                continue
            if first.status == "not_applicable":
                self.notes.append(f"{where}: refuses ({first.reason})")
                return
            self.notes.append(f"guessed on {where}, {variant or 'blind'}: {len(first.scores)} scores")
            yield from (f"{variant or 'blind'}: {problem}" for problem in _score_problems(first, again))

    def _spec(self, secret: str, coalition: str) -> AttackSpec:
        parameters = {_kind(secret): secret.partition(":")[2]} if _required(self.attack) else {}
        return AttackSpec(name=self.name, secret=secret, coalition=coalition, parameters=parameters)

    def _plan(self, scenario: Scenario, deployment: Deployment, spec: AttackSpec) -> RunPlan:
        entitlement = {"shadow_budget": SHADOWS if deployment.redraw else 0, "targets": 2}
        entry = Entry(name="check", scenario=scenario.name, seeds=(0,), entitlement=entitlement, attacks=(spec,))
        suite = Suite(name="check", version=1, title="Contract check", threads=1, entries=(entry,))
        task = Execution(self.submission, noise=("check",))
        return RunPlan(f"check {scenario.name}", suite, entry, 0, deployment, self.submission, task)


def _score_problems(first: CellRecord, again: CellRecord) -> Iterator[str]:
    if not first.scores:
        yield "no record was scored; guess about the records that the view shows"
    if first.scores != again.scores:
        yield "a second guess with the same view differs; draw from view.rng alone, and keep no state between guesses"


def _said(error: Exception) -> str:
    if isinstance(error, LeakboardError):
        return str(error)
    return f"guess raised {type(error).__name__}: {error}; where it does not apply, let refuses(public) say so"
