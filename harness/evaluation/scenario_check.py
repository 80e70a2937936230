"""Contract check of a scenario: its declaration, and runs of its tiny deployment in worker processes.

The numbers mean nothing; what is checked is that the deployment is sound, that every run ends with an answer to each
input, that runs are reproducible, and that what is sent is what is drawn. It takes seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy

from harness.errors import LeakboardError
from harness.evaluation.trial import LIMITS, Checked, noisy_submission
from harness.plugins import registry
from harness.plugins.submission import Submission
from harness.protocol.behaviours import HONEST, KNOCKOUT, LOCAL_ONLY
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.checks import deployment_problems
from harness.scenario.deployment import SERVER_VIEW, Deployment
from harness.scenario.membership import MembershipSecret
from harness.scenario.plugin import Scenario
from harness.scenario.settings import Settings

__all__ = ["check_scenario"]

Triple = tuple[str, str, str]
"""Sender, receiver, kind of a message."""


def check_scenario(name: str, isolation: str = "process") -> Checked:
    """Everything that is wrong with a registered scenario; ``isolation`` is that of its runs.

    Raises:
        UnknownName: no scenario of that name.
    """
    try:
        scenario = registry.load("scenario", name)
    except ImportError as error:
        return Checked((f"{registry.target('scenario', name)} cannot be imported: {error}",))
    if not isinstance(scenario, Scenario):
        return Checked((f"{registry.target('scenario', name)} is no harness.scenario.Scenario",))
    problems = list(_declaration_problems(name, scenario))
    with tempfile.TemporaryDirectory() as folder, Runner(isolation=isolation, threads=1, limits=LIMITS) as runner:
        try:
            deployment = scenario.small(folder)
        except Exception as error:  # a scenario may raise anything
            return Checked((*problems, f"small: {_said(error)}"))
        trial = _Trial(scenario, deployment, runner, noisy_submission(Path(folder)))
        problems += trial.problems()
    return Checked(tuple(problems), tuple(trial.notes))


def _declaration_problems(name: str, scenario: Scenario) -> Iterator[str]:
    if scenario.name != name:
        yield f"name: the scenario says {scenario.name!r}, the table of plugins {name!r}; make them equal"
    for text in ("summary", "threat_model", "source"):
        if not getattr(scenario, text).strip():
            yield f"{text}: say it in words, it is shown on the board"
    for table in ("coalitions", "secrets"):
        described = getattr(scenario, table)
        if not described or not all(str(words).strip() for words in described.values()):
            yield f"{table}: name at least one, each with what it is"
    if not (isinstance(scenario.settings, type) and issubclass(scenario.settings, Settings)):
        yield "settings: give a class that derives from harness.scenario.Settings"
        return
    for setting, info in scenario.settings.model_fields.items():
        if not (info.description or "").strip():
            yield f"settings: {setting} has no description; write Field(..., description=...)"
    if scenario.steps_by and scenario.steps_by not in scenario.settings.model_fields:
        yield f"steps_by: there is no setting {scenario.steps_by!r}"
    if len(scenario.steps) > 1 and not scenario.steps_by:
        yield "steps_by: name the setting that chooses between the variants in steps"


@dataclass
class _Trial:
    """Runs of one tiny deployment."""

    scenario: Scenario
    deployment: Deployment
    runner: Runner
    noise: Submission
    notes: list[str] = field(default_factory=list)

    def problems(self) -> Iterator[str]:
        """Problems of the deployment and of its runs."""
        yield from deployment_problems(self.deployment)
        yield from self._name_problems()
        try:
            first = self._run(HONEST)
        except Exception as error:  # a scenario may raise anything
            yield f"undefended run: {_said(error)}"
            return
        yield from self._repeated(first)
        yield from self._steps(first)
        yield from self._secrets()
        yield from self._utility(first)
        yield from self._other_runs(first)

    def _run(self, behaviour: str, submission: Submission | None = None) -> Outcome:
        variant = self.deployment.variants.get(behaviour)
        deployment = variant() if variant else self.deployment
        return self.runner.execute(deployment, Execution(submission, behaviour=behaviour, noise=("check",)))

    def _name_problems(self) -> Iterator[str]:
        described: Mapping[str, object] = self.scenario.coalitions
        if self.deployment.coalitions is SERVER_VIEW and len(described) == 1:
            described = SERVER_VIEW  # the one curious party, under its own name
        for what, used, declared in (
            ("secrets", self.deployment.secrets, self.scenario.secrets),
            ("coalitions", self.deployment.coalitions, described),
        ):
            known = {_family(name) for name in declared}
            for name in sorted(used):
                if _family(name) not in known:
                    yield f"{what}: the deployment has {name!r}, which the scenario does not describe"

    def _repeated(self, first: Outcome) -> Iterator[str]:
        """Answers of the undefended run, and a second one."""
        inputs = {item.id for plan in self.deployment.parties.values() for item in plan.items}
        if missing := sorted(inputs - set(first.predictions)):
            yield f"undefended run: no prediction for {len(missing)} inputs, such as {missing[0]!r}; call me.predict"
        again = self._run(HONEST)
        if [e.frame for e in first.log.entries] != [e.frame for e in again.log.entries]:
            yield "two runs with the same seed sent different bytes; draw from me.generator and net.generator alone"
        if first.predictions != again.predictions:
            yield "two runs with the same seed predicted differently; draw from me.generator and net.generator alone"

    def _steps(self, outcome: Outcome) -> Iterator[str]:
        if not self.scenario.steps:
            return
        sent = set(_sent(outcome))
        variants = {
            name: {(s.sender, s.receiver, s.kind) for s in steps if s.receiver}
            for name, steps in self.scenario.steps.items()
        }
        if not any(_same_drawing(sent, drawn) for drawn in variants.values()):
            shown = "; ".join(f"{sender} -> {receiver} {kind}" for sender, receiver, kind in sorted(sent))
            yield f"steps: no variant draws what is sent, which is: {shown}"

    def _secrets(self) -> Iterator[str]:
        for name, secret in self.deployment.secrets.items():
            guess = dict.fromkeys(secret.records, 0.0) if isinstance(secret, MembershipSecret) else {}
            try:
                scores = secret.score(guess)
            except Exception as error:  # a secret may be a class of the scenario's own
                yield f"secret {name}: a guess that knows nothing is not scored: {_said(error)}"
                continue
            if secret.records and not scores:
                yield f"secret {name}: a guess that knows nothing has no scores; score what is not guessed, too"
            if not secret.records:
                self.notes.append(f"secret {name}: it has no record in the small deployment")

    def _utility(self, outcome: Outcome) -> Iterator[str]:
        if not self.deployment.tasks:
            yield "tasks: there is none; without utility a defense that sends nothing would be the best"
        for task in self.deployment.tasks:
            try:
                scored = {s.record for s in task.score(outcome.predictions, outcome.predictions)}
                blind = {s.record for s in task.blind()}
            except Exception as error:  # a task may be a class of the scenario's own
                yield f"utility {task.name}: {_said(error)}"
                continue
            if not scored:
                yield f"utility {task.name}: no record is scored"
            if blind != scored:
                yield f"utility {task.name}: the blind guess covers {len(blind)} records, the run {len(scored)}"

    def _other_runs(self, first: Outcome) -> Iterator[str]:
        for behaviour, submission in ((HONEST, self.noise), (LOCAL_ONLY, None), (KNOCKOUT, None)):
            try:
                self._run(behaviour, submission)
            except Exception as error:  # a scenario may raise anything
                yield f"{'noise defense' if submission else behaviour} run: {_said(error)}"
        if self.deployment.redraw is not None:
            try:
                yield from self._shadow(first)
            except Exception as error:  # a scenario may raise anything
                yield f"shadow run: {_said(error)}"

    def _shadow(self, first: Outcome) -> Iterator[str]:
        assert self.deployment.redraw is not None
        members = {candidate.id: place % 2 == 0 for place, candidate in enumerate(self.deployment.candidates)}
        drawn = self.deployment.redraw(numpy.random.default_rng(0), members)
        yield from (f"shadow run: {problem}" for problem in _different(self.deployment, drawn))
        outcome = self.runner.execute(drawn, Execution(None, noise=("check", "shadow")))
        if sorted(set(_sent(outcome))) != sorted(set(_sent(first))):
            yield "shadow run: it sends other messages than the live run; a shadow must look like it"


def _different(live: Deployment, drawn: Deployment) -> Iterator[str]:
    if drawn.parties.keys() != live.parties.keys():
        yield "redraw makes other parties than the live run has"
        return
    for name, plan in live.parties.items():
        if [item.id for item in plan.items] != [item.id for item in drawn.parties[name].items]:
            yield f"redraw gives party {name!r} inputs of other ids"


def _sent(outcome: Outcome) -> Iterator[Triple]:
    for entry in outcome.log.entries:
        yield _family(entry.sender), _family(entry.receiver), entry.message().kind.name


def _family(name: str) -> str:
    """A name without what follows a colon and without its number: ``client3`` is one of the clients."""
    return name.partition(":")[0].rstrip("0123456789")


def _same_drawing(sent: set[Triple], drawn: set[Triple]) -> bool:
    """True if each group of parties can be given a role such that what is sent is what is drawn."""
    groups = sorted({party for sender, receiver, _ in sent for party in (sender, receiver)})
    roles = sorted({role for sender, receiver, _ in drawn for role in (sender, receiver)})
    for choice in product(roles, repeat=len(groups)):
        cast: Mapping[str, str] = dict(zip(groups, choice, strict=True))
        if {(cast[sender], cast[receiver], kind) for sender, receiver, kind in sent} == drawn:
            return True
    return False


def _said(error: Any) -> str:
    return str(error) if isinstance(error, LeakboardError) else f"{type(error).__name__}: {error}"
