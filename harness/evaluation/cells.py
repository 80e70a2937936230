"""Computing one cell: an attack's guess scored record by record, or a utility task."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.adversary.alike import FEWEST, LEVEL, Comparison, among_others, least, same_inputs, same_law, same_sessions
from harness.adversary.defend import DEFEND_BUDGET
from harness.adversary.noise_laws import confirmed_laws, declared_laws, replayed_laws
from harness.adversary.replay import ReplayedMessage, constant, moved, randomised, replay
from harness.adversary.shadows import ShadowBank, ShadowPlan
from harness.adversary.simulation import SimulationBank
from harness.adversary.solo_replay import solo_replay
from harness.adversary.view import TargetView
from harness.attack import Attack, DefenseCard
from harness.errors import LeakboardError
from harness.evaluation.examples import evidence
from harness.evaluation.finished_run import FinishedRun
from harness.evaluation.plan import CellPlan, RunPlan, make_attack
from harness.plugins.submission import source_text
from harness.protocol.behaviours import KNOCKOUT
from harness.runtime.runner import Runner
from harness.scenario.membership import MembershipSecret
from harness.store.archive import Archive
from harness.store.schema import CellRecord, Role, Score, Status
from harness.util.keys import key
from harness.util.seeds import numpy_generator, torch_generator
from harness.util.untrusted import one_line
from harness.wire.facts import FinetuneFacts, SplitFacts
from harness.wire.message import Kind

if TYPE_CHECKING:
    import torch

__all__ = [
    "Banks",
    "compute_alike",
    "compute_attack",
    "compute_blind_utility",
    "compute_replay",
    "compute_solo",
    "compute_utility",
    "defense_card",
    "failed_cell",
    "failure",
    "make_banks",
    "replayed",
]

MAX_FAILURE = 2000
"""Characters of a reason."""
CONFIRMING_TEXTS = 4
"""Simulated texts on which a declared noise law is checked."""
SUSPECT_RUNS = 5
"""Simulations against which the live run of a suspect is held."""


@dataclass(frozen=True)
class Banks:
    """Runs that the attacks on one run share."""

    simulations: SimulationBank
    shadows: ShadowBank | None
    """None: the entry has no shadow budget."""


def make_banks(
    finished: FinishedRun, runner: Runner, base: RunPlan | None = None, archive: Archive | None = None
) -> Banks:
    """The simulations and shadow runs of a run, with the entry's budgets; ``base`` is the undefended run."""
    plan = finished.plan
    budget = int(plan.entry.entitlement.get("simulate_budget", 512))
    submission = plan.submission if plan.submission.hash != "" else None
    shadows = _make_shadows(plan, base or plan, runner, archive or Archive())
    simulations = SimulationBank(runner, plan.deployment, submission, plan.execution.point, plan.key, budget)
    simulations.defenses.budget = int(plan.entry.entitlement.get("defend_budget", DEFEND_BUDGET))
    return Banks(simulations, shadows)


def _make_shadows(plan: RunPlan, base: RunPlan, runner: Runner, archive: Archive) -> ShadowBank | None:
    budget = int(plan.entry.entitlement.get("shadow_budget", 0))
    if not budget:
        return None
    execution = plan.execution
    defended = plan.submission if plan.submission.hash != base.submission.hash else None
    shadow_plan = ShadowPlan(
        plan.deployment,
        defended,
        plan.seed_axes,
        defended_key=plan.key,
        undefended_key=key(base.key, execution.behaviour),
        point=execution.point,
        behaviour=execution.behaviour,
        budget=budget,
    )
    return ShadowBank(shadow_plan, runner, archive)


def replayed(finished: FinishedRun, runner: Runner) -> tuple[ReplayedMessage, ...]:
    """The run's messages sent again, with other noise on top of the same deployment."""
    plan = finished.plan
    again = replace(plan.execution, again=("replay",))
    return tuple(replay(runner, plan.deployment, again, finished.log))


def compute_replay(
    cell: CellPlan, finished: FinishedRun, messages: Sequence[ReplayedMessage], banks: Banks
) -> CellRecord:
    """The control of the honest run: are simulations and shadow runs what it was, and do messages follow the declared
    noise laws?"""
    started, live = time.perf_counter(), finished.departures
    comparisons = [same_law("the same messages sent again", live, moved(messages)), *_like_others(finished, banks)]
    _, confirmed = replayed_laws(finished.ledger, messages)
    noisy = randomised(messages)
    facts = {
        "randomised": noisy,
        "constant_message": constant(messages),
        "unverified_law": not confirmed or (noisy and not finished.ledger),
    }
    return _compared(cell, comparisons, facts, started)


def compute_alike(cell: CellPlan, finished: FinishedRun, honest: FinishedRun, banks: Banks) -> CellRecord:
    """The control of a knock-out run or an active attacker's: is what does not depend on answers what it was in the
    honest run, and are its shadow runs what it is?"""
    started, behaviour = time.perf_counter(), finished.plan.execution.behaviour
    comparisons = [
        same_inputs(f"the honest run's in a run of behaviour {behaviour}", honest.departures, finished.departures)
    ]
    if behaviour != KNOCKOUT:
        comparisons += _like_others(finished, banks)
    return _compared(cell, comparisons, {}, started)


def _like_others(finished: FinishedRun, banks: Banks) -> Iterator[Comparison]:
    """The run against simulations of equal texts and against its shadows, as far as it has them."""
    live, known = finished.departures, finished.plan.deployment.known
    if known:
        (plan,) = finished.plan.deployment.parties.values()
        sessions = [session for session, item in enumerate(plan.items) if item.id in known]
        simulated = banks.simulations.departures
        first = same_sessions("known texts in a simulation", live, simulated(0), sessions)
        # What a defense makes of its own inputs differs between deployments: a suspect is held against several.
        suspect = first.p_value < LEVEL or len(sessions) < FEWEST
        others = [simulated(index) for index in range(SUSPECT_RUNS if suspect else 0)]
        yield among_others(first.what, live, others, sessions)
    if banks.shadows is not None:
        others = [banks.shadows.departures(index) for index in range(banks.shadows.plan.budget)]
        yield among_others("shadow runs", live, others)


def _compared(
    cell: CellPlan, comparisons: Sequence[Comparison], facts: Mapping[str, bool], started: float
) -> CellRecord:
    worst = least(comparisons)
    differs = worst.p_value < LEVEL
    words = f"messages differ from {worst.what} (field {worst.field}, p = {worst.p_value:.1g})"
    scores = (Score(record="live", metric="p_value", value=worst.p_value),)
    seconds, status = time.perf_counter() - started, "void" if differs else "ok"
    return _record(
        cell, status, words if differs else None, scores, seconds, {**facts, "differs_in_simulation": differs}
    )


def compute_solo(cell: CellPlan, finished: FinishedRun, runner: Runner) -> CellRecord:
    """The solo control: does each party send the same bytes alone in a worker?"""
    started = time.perf_counter()
    plan = finished.plan
    rng = numpy_generator("solo", *plan.seed_axes, runner.salt, plan.key)
    outcome = solo_replay(runner, plan.deployment, plan.execution, finished.log, rng)
    facts = {"pooled_state": outcome.pooled, "irreproducible": not outcome.reproducible}
    same = len(outcome.parties) - len(outcome.differing)
    scores = (Score(record="live", metric="same_alone", value=same / len(outcome.parties)),)
    status = "void" if outcome.differing else "ok"
    return _record(cell, status, outcome.reason or None, scores, time.perf_counter() - started, facts)


def defense_card(finished: FinishedRun, banks: Banks, messages: Callable[[], Sequence[ReplayedMessage]]) -> DefenseCard:
    """All that everyone may know of the run's defense, with its noise laws confirmed on simulated texts or, outside
    split inference, on replayed messages."""
    plan = finished.plan
    facts, ledger = plan.deployment.public.facts_of(SplitFacts), finished.ledger
    training = isinstance(facts, FinetuneFacts)
    if training:  # a law is about the states that texts are read from; gradients have one of their own
        ledger = tuple(entry for entry in ledger if entry.kind == Kind.HIDDEN.value)
    laws = declared_laws(ledger)
    if laws and (facts is None or training or len(plan.deployment.parties) != 1):
        laws, _ = replayed_laws(ledger, messages())
    elif laws:
        texts = tuple(r.text for r in plan.deployment.public.auxiliary[:CONFIRMING_TEXTS])
        laws = confirmed_laws(laws, banks.simulations.simulate(texts, 1))
    return DefenseCard(plan.submission.name, plan.execution.parameters, source_text(plan.submission), laws)


def compute_attack(cell: CellPlan, finished: FinishedRun, banks: Banks, card: DefenseCard) -> CellRecord:
    """Run one attack variant and score its guess."""
    assert cell.attack is not None
    started = time.perf_counter()
    attack = make_attack(cell.attack)
    deployment = cell.run.deployment
    refusal = attack.refuses(deployment.public)
    if attack.coalitions and cell.attack.coalition not in attack.coalitions:
        refusal = f"made for coalitions {', '.join(attack.coalitions)}, not for {cell.attack.coalition}"
    if refusal is not None:
        return _record(cell, status="not_applicable", reason=refusal)
    secret = deployment.secrets[cell.attack.secret]
    view = TargetView(
        deployment,
        deployment.coalitions[cell.attack.coalition],
        finished.log,
        finished.own,
        defense=card,
        adaptive=cell.variant == "adaptive",
        rng=_rng(cell, 0),
        simulations=banks.simulations,
        shadow_bank=banks.shadows,
        secret_items=frozenset(secret.records),
        informed=attack.informed,
    )
    guess = attack.guess(view)
    scores = secret.score(guess)
    if isinstance(secret, MembershipSecret):
        scores += tuple(_shadow_scores(cell, attack, view, secret))
    shown = evidence(secret, guess, deployment.data_id)
    facts = {**attack.facts(scores), **({"evidence": shown} if shown else {})}
    return _record(cell, scores=scores, seconds=time.perf_counter() - started, facts=facts)


def _shadow_scores(cell: CellPlan, attack: Attack, view: TargetView, secret: MembershipSecret) -> Iterator[Score]:
    """Every shadow as a target in turn, up to the entry's number of targets."""
    shadows = view.shadow_bank.plan.budget if view.shadow_bank else 0
    for target in range(1, min(1 + shadows, int(cell.run.entry.entitlement.get("targets", 1 + shadows)))):
        aimed = view.as_target(target, _rng(cell, target))
        yield from secret.score_target(attack.guess(aimed), target, aimed.members())


def _rng(cell: CellPlan, target: int) -> torch.Generator:
    return torch_generator("attack", *cell.run.seed_axes, cell.name, cell.variant, *([target] if target else []))


def compute_utility(cell: CellPlan, finished: FinishedRun, reference: FinishedRun) -> CellRecord:
    """Score the predictions of a run, a knock-out run's like any other's."""
    assert cell.task is not None
    started = time.perf_counter()
    scores = cell.task.score(finished.predictions, reference.predictions)
    return _record(cell, scores=scores, seconds=time.perf_counter() - started)


def compute_blind_utility(cell: CellPlan) -> CellRecord:
    """The score of a guess without inputs: one of the references that utility is measured from."""
    assert cell.task is not None
    return _record(cell, scores=cell.task.blind())


def failed_cell(cell: CellPlan, error: Exception) -> CellRecord:
    """The cell of a run or attack that ended in an error, with a readable reason. A control that cannot be made is as
    bad as one that is not passed: a submission must not choose."""
    facts = {"control_error": True} if cell.role == "control" else {}
    return _record(cell, status="error", reason=failure(error), facts=facts)


def failure(error: Exception) -> str:
    """An error as one line: its own words where it was raised on purpose, else also its type and its place."""
    if isinstance(error, LeakboardError):
        return one_line(error, MAX_FAILURE)
    last = next(iter(traceback.extract_tb(error.__traceback__)[-1:]), None)
    where = f" at {Path(last.filename).name}:{last.lineno} in {last.name}()" if last else ""
    return one_line(f"{type(error).__name__}: {one_line(error)}{where}", MAX_FAILURE)


def _record(
    cell: CellPlan,
    status: str = "ok",
    reason: str | None = None,
    scores: tuple[Score, ...] = (),
    seconds: float = 0.0,
    facts: Mapping[str, Any] | None = None,
) -> CellRecord:
    run = cell.run
    return CellRecord(
        key=cell.key,
        run_key=run.key,
        **run.columns(),
        role=cast("Role", cell.role),
        name=cell.name,
        variant=cell.variant,
        secret=cell.attack.secret if cell.attack else "",
        coalition=cell.attack.coalition if cell.attack else "",
        status=cast("Status", status),
        reason=reason,
        scores=scores,
        facts=dict(facts or {}),
        seconds=seconds,
        created=datetime.now(UTC).isoformat(),
    )
