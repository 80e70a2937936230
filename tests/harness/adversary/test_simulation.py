"""The bank of simulations: equal calls are answered once, within the entry's budget, with values before the defense."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.adversary.simulation import SimulationBank, only_party
from harness.errors import SuiteError
from harness.plugins.submission import Submission
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment


def test_simulations_are_run_once_and_within_the_budget(
    worker_server: ForkServer, toy_deployment: Deployment, submission: Callable[..., Submission]
) -> None:
    shifted = submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(hidden=message["hidden"] + 1.0)
    """)
    assert only_party(toy_deployment) in toy_deployment.parties
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        bank = SimulationBank(runner, toy_deployment, shifted, 0, "run", budget=2)
        [one] = bank.simulate(("Meet me in Oslo",), 1)
        assert bank.simulate(("Meet me in Oslo",), 1)[0] is one
        assert one.plain is not None and one.ids is not None and len(one.states) == len(one.ids)
        assert float((one.states - one.plain - 1.0).abs().max()) < 1e-5
        with pytest.raises(SuiteError, match="what is left of the simulate budget of 2 texts"):
            bank.simulate(("Meet me in Oslo", "bring a card"), 1)
