"""Computing one cell: an attack's guess scored record by record, or a utility task."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from harness.adversary.noise_laws import confirmed_laws, declared_laws, twin_laws
from harness.adversary.replay import ALPHA, ReplayedMessage, constant, randomised, replay, twin_test
from harness.adversary.shadows import ShadowBank
from harness.adversary.target import TargetView
from harness.adversary.view import Bank, RunView
from harness.attack import Attack, DefenseCard
from harness.errors import LeakboardError
from harness.evaluation.examples import evidence
from harness.evaluation.finished_run import FinishedRun
from harness.evaluation.plan import CellPlan, RunPlan, make_attack
from harness.protocol.behaviours import KNOCKOUT
from harness.runtime.runner import Runner
from harness.scenario.membership import MembershipSecret
from harness.store.archive import Archive
from harness.store.schema import CellRecord, Role, Score, Status
from harness.util.keys import key
from harness.util.seeds import torch_generator

if TYPE_CHECKING:
    import torch

__all__ = [
    "compute_attack",
    "compute_blind_utility",
    "compute_replay",
    "compute_utility",
    "failed_cell",
    "replayed",
]

CONFIRMING_TEXTS = 4
"""Simulated texts on which a declared noise law is checked."""
REPLAYED = 12
"""Messages of each party that are sent again."""


def make_bank(
    finished: FinishedRun, runner: Runner, base: RunPlan | None = None, archive: Archive | None = None
) -> Bank:
    """The simulations and shadow runs of a run, with the entry's budgets; ``base`` is the undefended run."""
    plan = finished.plan
    budget = int(plan.entry.entitlement.get("simulate_budget", 512))
    submission = plan.submission if plan.submission.hash != "" else None
    shadows = _make_shadows(plan, base or plan, runner, archive or Archive())
    return Bank(runner, plan.deployment, submission, plan.task.point, plan.key, budget, shadows)


def _make_shadows(plan: RunPlan, base: RunPlan, runner: Runner, archive: Archive) -> ShadowBank | None:
    budget = int(plan.entry.entitlement.get("shadow_budget", 0))
    if not budget:
        return None
    task = plan.task
    defended = plan.submission if plan.submission.hash != base.submission.hash else None
    undefended_key = key(base.key, task.behaviour)
    return ShadowBank(
        runner,
        plan.deployment,
        defended,
        task.point,
        task.behaviour,
        plan.seed_axes,
        plan.key,
        undefended_key,
        archive,
        budget,
    )


def replayed(finished: FinishedRun, runner: Runner) -> tuple[ReplayedMessage, ...]:
    """Some of the run's messages sent again, with the noise of a simulation."""
    plan = finished.plan
    task = replace(plan.task, noise=("replay", *plan.task.noise), paired=True)
    return tuple(replay(runner, plan.deployment, task, finished.log, REPLAYED))


def compute_replay(cell: CellPlan, finished: FinishedRun, twins: Sequence[ReplayedMessage]) -> CellRecord:
    """Whether simulations are what the live run was, and declared noise laws what the messages bear out."""
    started = time.perf_counter()
    trained = any(entry.mechanism == "dpsgd" for entry in finished.ledger)
    if finished.plan.submission.secret_state or trained:
        why = "models are trained with fresh noise" if trained else "secret state is drawn anew in every deployment"
        return _record(cell, status="not_applicable", reason=f"{why}: messages sent again are others")
    p_value, field = twin_test(twins)
    _, borne_out = twin_laws(finished.ledger, twins)
    noisy = randomised(twins)
    facts = {
        "randomised": noisy,
        "constant_message": constant(twins),
        "unverified_law": not borne_out or (noisy and not finished.ledger),
        "differs_in_simulation": p_value < ALPHA,
    }
    differs = f"live messages differ from the same ones in a simulation (field {field}, p = {p_value:.1g})"
    status, reason = ("void", differs) if facts["differs_in_simulation"] else ("ok", "")
    scores = (Score(record="live", metric="p_value", value=p_value),)
    return _record(cell, status, reason or None, scores, time.perf_counter() - started, facts)


def defense_card(finished: FinishedRun, bank: Bank, twins: Callable[[], Sequence[ReplayedMessage]]) -> DefenseCard:
    """What everyone may know of the run's defense, with its noise laws confirmed on simulated texts or, where there is
    more than one private party, on messages sent again."""
    plan = finished.plan
    laws = declared_laws(finished.ledger)
    if laws and len(plan.deployment.parties) > 1:
        laws, _ = twin_laws(finished.ledger, twins())
    elif laws:
        texts = tuple(r.text for r in plan.deployment.public.auxiliary[:CONFIRMING_TEXTS])
        laws = confirmed_laws(laws, bank.simulate(texts, 1))
    source = "\n".join(path.read_text() for path in sorted(plan.submission.folder.glob("*.py")))
    return DefenseCard(plan.submission.name, plan.task.parameters, source, laws)


def compute_attack(cell: CellPlan, finished: FinishedRun, bank: Bank, card: DefenseCard) -> CellRecord:
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
    adaptive, targets = cell.variant == "adaptive", frozenset(secret.records)
    coalition = deployment.coalitions[cell.attack.coalition]
    sight = TargetView(deployment, coalition, finished.log, finished.own, bank.shadows, adaptive)
    view = RunView(
        deployment.public, card, adaptive, _rng(cell, 0), bank, sight, deployment.known, targets,
        informed=attack.informed,
    )  # fmt: skip
    guess = attack.guess(view)
    scores = secret.score(guess)
    if isinstance(secret, MembershipSecret):
        scores += tuple(_shadow_scores(cell, attack, view, secret))
    shown = evidence(secret, guess, deployment.data_id)
    facts = {**attack.facts(scores), **({"evidence": shown} if shown else {})}
    return _record(cell, scores=scores, seconds=time.perf_counter() - started, facts=facts)


def _shadow_scores(cell: CellPlan, attack: Attack, view: RunView, secret: MembershipSecret) -> Iterator[Score]:
    """Every shadow as a target in turn, up to the entry's number of targets."""
    shadows = view.bank.shadows.budget if view.bank.shadows else 0
    for target in range(1, min(1 + shadows, int(cell.run.entry.entitlement.get("targets", 1 + shadows)))):
        aimed = view.as_target(target, _rng(cell, target))
        yield from secret.score_target(attack.guess(aimed), target, aimed.sight.members())


def _rng(cell: CellPlan, target: int) -> torch.Generator:
    return torch_generator("attack", *cell.run.seed_axes, cell.name, cell.variant, *([target] if target else []))


def compute_utility(cell: CellPlan, finished: FinishedRun, reference: FinishedRun) -> CellRecord:
    """Score predictions; a knock-out run is scored on the sessions it had."""
    assert cell.task is not None
    started = time.perf_counter()
    scores = cell.task.score(finished.predictions, reference.predictions)
    kept = scores
    if finished.plan.task.behaviour == KNOCKOUT:
        present = {item.id for plan in finished.plan.deployment.parties.values() for item in plan.items}
        kept = tuple(score for score in scores if score.record in present or score.record in finished.predictions)
    return _record(cell, scores=kept, seconds=time.perf_counter() - started)


def compute_blind_utility(cell: CellPlan) -> CellRecord:
    """What a guess without inputs earns: one of the references that utility is measured from."""
    assert cell.task is not None
    return _record(cell, scores=cell.task.blind())


def failed_cell(cell: CellPlan, error: Exception) -> CellRecord:
    """The cell of a run or attack that ended in an error, with a readable reason."""
    what = str(error) if isinstance(error, LeakboardError) else f"{type(error).__name__}: {error}"
    return _record(cell, status="error", reason=what)


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
