"""A coalition's view of a real run of a scenario, with real shadow runs, for tests of attack plugins end to end."""

from __future__ import annotations

from typing import Any

from harness.adversary.shadows import ShadowBank
from harness.adversary.target import TargetView
from harness.adversary.view import Bank, RunView
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
) -> RunView:
    """Run the deployment, unless its ``outcome`` is given, and look at it; shadow runs are made when an attack asks
    for them."""
    outcome = outcome or runner.execute(deployment, Execution(submission, behaviour=behaviour))
    options: dict[str, Any] = {"archive": archive or Archive(), "budget": shadows}
    keys = (f"defended {submission}", "plain")
    bank = ShadowBank(runner, deployment, submission, 0, behaviour, ("live", 0), *keys, **options)
    sight = TargetView(deployment, deployment.coalitions[coalition], outcome.log, outcome.own, bank, adaptive)
    card = DefenseCard("none" if submission is None else submission.name, {}, "")
    simulations = Bank(runner, deployment, submission, 0, "live", shadows=bank)
    return RunView(deployment.public, card, adaptive, torch_generator("live"), simulations, sight, {}, frozenset())
