"""Solo replay as a control of every defended run: parties alone in a worker send the bytes that they sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.adversary.solo_replay import PARTIES, SoloReplay, solo_replay
from harness.evaluation.executor import Job, execute
from harness.evaluation.plan import SOLO
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.store import Store
from harness.store.provenance import environment
from scenarios.split_llm.build import PARTY
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_membership import ENTRY, SUITE, cells_of
from tests.stand_ins.toy_protocol import deployment

Make = Callable[..., Submission]

# A module that is imported once keeps what every party puts there; a helper of the folder would, too.
POOLS = """
seen = torch.__dict__.setdefault("_seen", [])

class Plugin(Defense):
    def send(self, message):
        seen.append(message["means"])
        return message.replace(means=torch.stack(seen).mean(0))
"""
SHIES = """
parties = torch.__dict__.setdefault("_parties", [])

class Plugin(Defense):
    def setup(self, records, public):
        parties.append(self)

    def send(self, message):
        assert len(parties) > 1, "nobody to pool with"
        return message
"""
SECRET_SOURCE = """
import os

class Plugin(Defense):
    def send(self, message):
        return message.replace(means=message["means"] + os.urandom(1)[0])
"""
HONEST = {
    "declared noise": """
    class Plugin(Defense):
        def send(self, message):
            return message.replace(means=self.me.gaussian(message["means"], clip=1.0, scale=0.1))
    """,
    "noise of global generators": """
    import random
    import numpy as np

    class Plugin(Defense):
        def send(self, message):
            noise = torch.randn(1) + np.random.normal() + random.random()
            return message.replace(means=message["means"] + noise)
    """,
    "private training": """
    from harness import DPSGD

    class Plugin(Defense):
        def dp(self):
            return DPSGD(clip=1.0, noise_multiplier=1.0)
    """,
    "state of its own": """
    class Plugin(Defense):
        def setup(self, records, public):
            self.seen = []

        def send(self, message):
            self.seen.append(message["means"])
            return message.replace(means=torch.stack(self.seen).mean(0))
    """,
}


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    return deployment(str(toy_folder))


def replayed(runner: Runner, deployed: Deployment, plugin: Submission) -> SoloReplay:
    task = Execution(plugin, noise=("point", 0))
    return solo_replay(runner, deployed, task, runner.execute(deployed, task).log, np.random.default_rng(0))


@pytest.mark.parametrize("case", HONEST)
def test_honest_parties_are_the_same_alone(runner: Runner, pooled: Deployment, submission: Make, case: str) -> None:
    outcome = replayed(runner, pooled, submission(HONEST[case]))
    assert len(outcome.parties) == PARTIES
    assert outcome == SoloReplay(outcome.parties)
    assert not outcome.pooled and not outcome.reason


def test_one_party_is_the_same_again(runner: Runner, toy_deployment: Deployment, submission: Make) -> None:
    body = HONEST["declared noise"].replace("means", "hidden")
    assert replayed(runner, toy_deployment, submission(body)) == SoloReplay((PARTY,))


@pytest.mark.parametrize("body", [POOLS, SHIES])
def test_state_pooled_over_parties_shows(runner: Runner, pooled: Deployment, submission: Make, body: str) -> None:
    outcome = replayed(runner, pooled, submission(body))
    assert outcome.pooled
    assert "state is shared between parties" in outcome.reason
    assert ("nobody to pool with" in outcome.reason) is (body is SHIES)


@pytest.mark.parametrize("single", [False, True])
def test_what_cannot_be_sent_again_is_no_pool(
    runner: Runner, pooled: Deployment, toy_deployment: Deployment, submission: Make, single: bool
) -> None:
    body = SECRET_SOURCE.replace("means", "hidden") if single else SECRET_SOURCE
    outcome = replayed(runner, toy_deployment if single else pooled, submission(body))
    assert not outcome.pooled
    assert not outcome.reproducible
    assert "draw from self.me.generator" in outcome.reason


def test_a_pool_voids_its_control_in_the_store(
    runner: Runner, pooled: Deployment, submission: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On commit e6ffef4 means pooled in a module's global gained privacy without a flag."""
    suite = {**SUITE, "entries": [{**ENTRY, "attacks": []}]}
    none = submission("class Plugin(Defense): pass\n", "none")
    cells = [
        cell
        for plugin in (submission(POOLS, "pools"), submission(HONEST["declared noise"], "noise"))
        for cell in cells_of(monkeypatch, pooled, plugin, none, suite)
        if cell.name == SOLO
    ]
    with Store.open(tmp_path / "s.duckdb") as store:
        execute(Job(store, runner, Quiet(), environment("cpu")), cells, 1)
        stored = store.query("SELECT submission, status, reason, facts FROM cells ORDER BY submission")
    assert [(cell["submission"], cell["status"]) for cell in stored] == [("noise", "ok"), ("pools", "void")]
    assert json.loads(stored[0]["facts"]) == {"irreproducible": False, "pooled_state": False}
    assert json.loads(stored[1]["facts"])["pooled_state"]
    assert "state is shared between parties" in stored[1]["reason"]
