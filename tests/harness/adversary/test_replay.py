"""Messages sent again on identical inputs: equal in law where the submission is honest, and declared laws checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.adversary.alike import LEVEL, same_law
from harness.adversary.noise_laws import replayed_laws
from harness.adversary.replay import ReplayedMessage, constant, moved, randomised, replay
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.wire.message import Kind, Message
from tests.stand_ins.toy_protocol import deployment

Make = Callable[..., Submission]
NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(means={what}self.me.gaussian(message["means"], clip=None, scale={scale}))
"""


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    return deployment(str(toy_folder))


def again(task: Execution) -> Execution:
    return replace(task, again=("replay",))


def test_the_same_inputs_give_the_same_messages_up_to_noise(
    runner: Runner, pooled: Deployment, submission: Make
) -> None:
    task = Execution(submission(NOISE.format(what="", scale=0.2)), noise=("point", 0))
    outcome = runner.execute(pooled, task)
    messages = replay(runner, pooled, again(task), outcome.log)
    assert len(messages) == 6
    assert all((t.live["means"] != t.again["means"]).any() for t in messages)
    assert all((t.live["counts"] == t.plain["counts"]).all() for t in messages)
    assert same_law("again", outcome.departures, moved(messages)).p_value > LEVEL
    assert randomised(messages)
    assert not constant(messages)
    laws, confirmed = replayed_laws(outcome.ledger, messages)
    assert confirmed
    assert [(law.name, law.scale) for law in laws] == [("gaussian", 0.2)]
    assert len(replay(runner, pooled, again(task), outcome.log, 1)) == 3


def test_without_noise_the_bytes_are_the_same(runner: Runner, pooled: Deployment) -> None:
    outcome = runner.execute(pooled, Execution(None))
    messages = replay(runner, pooled, again(Execution(None)), outcome.log)
    assert all(t.live["counts"].equal(t.again["counts"]) for t in messages)
    assert same_law("again", outcome.departures, moved(messages)).p_value == 1.0
    assert not randomised(messages)
    assert replayed_laws(outcome.ledger, messages) == ((), True)


def test_a_submission_that_is_milder_when_simulated_shows(runner: Runner, pooled: Deployment, submission: Make) -> None:
    live = Execution(submission(NOISE.format(what="", scale=0.2), "live"), noise=("point", 0))
    mild = Execution(submission(NOISE.format(what="", scale=0.1), "mild"), noise=("point", 0))
    outcome = runner.execute(pooled, live)
    found = same_law("again", outcome.departures, moved(replay(runner, pooled, again(mild), outcome.log)))
    assert found.p_value < 0.05  # twelve rows of noise
    assert found.field == "PROTOTYPE means"


def test_a_declared_law_that_the_messages_do_not_follow_shows(
    runner: Runner, pooled: Deployment, submission: Make
) -> None:
    task = Execution(submission(NOISE.format(what="0.5 * ", scale=0.2)), noise=("point", 0))
    outcome = runner.execute(pooled, task)
    assert replayed_laws(outcome.ledger, replay(runner, pooled, again(task), outcome.log)) == ((), False)


def test_a_message_that_says_nothing_shows(runner: Runner, pooled: Deployment, submission: Make) -> None:
    task = Execution(
        submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(means=torch.ones_like(message["means"]))
    """)
    )
    messages = replay(runner, pooled, again(task), runner.execute(pooled, task).log)
    assert constant(messages)
    assert not randomised(messages)


def test_an_empty_answer_to_different_inputs_says_nothing_either() -> None:
    def message(value: float, rows: int) -> ReplayedMessage:
        plain = Message(Kind.PROTOTYPE, {"counts": torch.full((3,), value)})
        sent = plain.replace(counts=plain["counts"][:rows])
        return ReplayedMessage("client0", sent, sent, plain)

    assert constant([message(1.0, 0), message(2.0, 0)])
    assert not constant([message(1.0, 0), message(2.0, 3)])
