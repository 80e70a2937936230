"""A coalition's view of a real run of a scenario, with real shadow runs, for tests of attack plugins end to end."""

from __future__ import annotations

from harness.adversary.shadows import ShadowBank, ShadowPlan
from harness.adversary.simulation import SimulationBank
from harness.adversary.view import TargetView
from harness.attack import DefenseCard
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.store.archive import Archive
from harness.util.seeds import torch_generator

__all__ = ["live_view"]


def live_view(
    runner: Runner,
    deployment: Deployment,
    *,
    submission: Submission | None = None,
    coalition: str = "server",
    shadows: int = 0,
    adaptive: bool = True,
    behaviour: str = "honest",
    archive: Archive | None = None,
    outcome: Outcome | None = None,
) -> TargetView:
    """Run the deployment, unless its ``outcome`` is given, and look at it; shadow runs are made when an attack asks
    for them."""
    outcome = outcome or runner.execute(deployment, Execution(submission, behaviour=behaviour))
    plan = ShadowPlan(
        deployment,
        submission,
        ("live", 0),
        defended_key=f"defended {submission}",
        undefended_key="plain",
        behaviour=behaviour,
        budget=shadows,
    )
    return TargetView(
        deployment,
        deployment.coalitions[coalition],
        outcome.log,
        outcome.own,
        defense=DefenseCard("none" if submission is None else submission.name, {}, ""),
        adaptive=adaptive,
        rng=torch_generator("live"),
        simulations=SimulationBank(runner, deployment, submission, 0, "live"),
        shadow_bank=ShadowBank(plan, runner, archive or Archive()),
    )
