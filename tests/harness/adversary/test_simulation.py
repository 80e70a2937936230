"""The bank of simulations: equal calls are answered once, within the entry's budget, with values before the defense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.adversary.padding import batches
from harness.adversary.simulation import SimulationBank, only_party
from harness.errors import SuiteError
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution, Outcome
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


COUNTING = """
class Plugin(Defense):
    def setup(self, records, public):
        self.watched = len(records) != {live}

    def send(self, message):
        return message.replace(hidden=message["hidden"] + (1.0 if self.watched else 0.0))
"""


def test_a_simulation_has_the_live_number_of_inputs_and_the_live_ids(
    worker_server: ForkServer, toy_deployment: Deployment, submission: Callable[..., Submission]
) -> None:
    """A submission that counts its inputs learns nothing: it was 8 of 24 in quick suites."""
    (plan,) = toy_deployment.parties.values()
    counts = submission(COUNTING.format(live=len(plan.items)))
    texts = tuple(r.text for r in toy_deployment.public.auxiliary)
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        bank = SimulationBank(runner, toy_deployment, counts, 0, "run", budget=64)
        for asked in (texts[:1], texts[:8], ("Meet me in Oslo",), texts[2:12]):
            seen = bank.simulate(asked, 1)
            assert len({o.record for o in seen}) == min(len(asked), len(plan.items))
            assert {o.record for o in seen} <= {item.id for item in plan.items}
            for observation in seen:
                assert observation.plain is not None and observation.states.equal(observation.plain)
    for asked in (texts[:1], texts[:11]):
        for batch in batches(asked, plan.items, texts, np.random.default_rng(0)):
            assert [item.id for item in batch.items] == [item.id for item in plan.items]
            assert len({item.text for item in batch.items}) == len(batch.items)


def test_one_run_answers_all_who_ask_for_some_of_its_texts(
    worker_server: ForkServer, toy_deployment: Deployment
) -> None:
    runs = []

    class Counting(Runner):
        def execute(self, deployment: Deployment, execution: Execution) -> Outcome:
            runs.append(deployment)
            return super().execute(deployment, execution)

    texts = tuple(r.text for r in toy_deployment.public.auxiliary)
    with Counting(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        bank = SimulationBank(runner, toy_deployment, None, 0, "run", budget=64)
        bank.simulate(texts[:4], 1)
        bank.simulate(texts[3:6], 1)
        assert len(runs) == 1
        bank.simulate(texts[:9], 1)  # more than a run has inputs
        assert len(runs) == 3
