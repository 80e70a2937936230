"""The defense at an attacker's service: the submission's own ``send`` and ``prepare`` on data of the attacker's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch

from harness.adversary.view import TargetView
from harness.errors import DefenseError, SuiteError
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.wire.message import Kind, Message, decode
from tests.stand_ins.live_view import live_view

Make = Callable[..., Submission]


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


def view_of(runner: Runner, deployment: Deployment, submission: Submission) -> TargetView:
    outcome = runner.execute(deployment, Execution(submission, paired=True))
    view = live_view(runner, deployment, submission=submission, outcome=outcome)
    return replace(view, secret_items=frozenset(deployment.secrets["text"].records))


def live_pairs(view: TargetView) -> list[tuple[Message, Message]]:
    """(plain, sent) of every live message, as no attacker has them."""
    entries = [e for e in view.log.entries if e.plain is not None]
    return [(decode(e.plain or b""), e.message()) for e in entries]


def test_a_deterministic_defense_is_followed_to_the_bit(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    folded = submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(hidden=message["hidden"].abs().cumsum(0))
    """)
    view = view_of(runner, toy_deployment, folded)
    plain, sent = zip(*live_pairs(view), strict=True)
    again = view.defend(plain)
    assert [m.session for m in again] == [m.session for m in sent]
    assert all(torch.equal(a["hidden"], b["hidden"]) for a, b in zip(again, sent, strict=True))
    states = [m["hidden"] for m in plain if m.step == 0]
    by_session = view.sessions.defend(states)
    assert all(torch.equal(a, b["hidden"]) for a, b in zip(by_session, (m for m in sent if m.step == 0), strict=True))


def test_random_defenses_draw_fresh_noise_in_every_repeat_and_the_same_in_equal_calls(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    noisy = submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(hidden=self.me.gaussian(message["hidden"], scale=1.0, clip=None))
    """)
    view = view_of(runner, toy_deployment, noisy)
    states = [torch.zeros(5, 32), torch.zeros(3, 32)]
    sent = view.sessions.defend(states, repeats=3)
    assert [len(one) for one in sent] == [5, 3, 5, 3, 5, 3]
    assert not torch.equal(sent[0], sent[2])
    assert all(torch.equal(a, b) for a, b in zip(sent, view.sessions.defend(states, repeats=3), strict=True))
    assert abs(float(torch.cat(view.sessions.defend(states, repeats=50)).std()) - 1) < 0.1


def test_state_kept_from_message_to_message_is_that_of_the_live_place(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    counting = submission("""
    import itertools

    calls = 0

    class Plugin(Defense):
        def setup(self, records, public):
            self.inputs = len(records)
            self.nonces = torch.Generator().manual_seed(5)
            self.table = {"sent": 0}

        def send(self, message):
            global calls
            calls += 1
            self.table["sent"] += 1
            size = 100.0 * calls + 1000.0 * self.table["sent"] + self.inputs
            return message.replace(hidden=message["hidden"] + size + torch.rand(1, generator=self.nonces))
    """)
    view = view_of(runner, toy_deployment, counting)
    plain, sent = zip(*live_pairs(view), strict=True)
    order = [*range(len(plain))][::-1]
    for _ in range(2):  # and asking changes nothing
        again = view.defend([plain[i] for i in order])
        assert all(torch.equal(a["hidden"], sent[i]["hidden"]) for i, a in zip(order, again, strict=True))


def test_a_defense_that_sends_the_same_memory_again_and_again_is_followed_like_any_other(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    reusing = submission("""
    class Plugin(Defense):
        buffer = None

        def send(self, message):
            self.buffer = torch.empty(64, 32) if self.buffer is None else self.buffer
            self.buffer[: len(message["hidden"])] = message["hidden"] + 1.0
            return message.replace(hidden=self.buffer[: len(message["hidden"])])
    """)
    view = view_of(runner, toy_deployment, reusing)
    states = [torch.full((4, 32), float(number)) for number in range(3)]
    sent = view.sessions.defend(states, repeats=2)
    assert [float(one.mean()) for one in sent] == [1.0, 2.0, 3.0] * 2


def test_the_defense_is_set_up_on_data_of_the_attackers_own(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    telling = submission("""
    class Plugin(Defense):
        def setup(self, records, public):
            self.mean = float(sum(len(record.text) * 31 + ord(record.text[0]) for record in records))
            self.count = len(records)

        def send(self, message):
            value = torch.tensor([self.mean, self.count])
            return message.replace(hidden=torch.zeros_like(message["hidden"]) + value.repeat(16))
    """)
    view = view_of(runner, toy_deployment, telling)
    live = live_pairs(view)[0][1]["hidden"][0]
    [asked] = view.sessions.defend([torch.zeros(4, 32)])
    assert asked[0, 0] != live[0]
    assert asked[0, 1] == live[1]


def test_what_cannot_be_asked(runner: Runner, toy_deployment: Deployment, submission: Make) -> None:
    broken = submission("""
    class Plugin(Defense):
        def send(self, message):
            if float(message["hidden"].detach().abs().max()) > 1e6:
                raise ValueError("too large")
            return message
    """)
    view = view_of(runner, toy_deployment, broken)
    with pytest.raises(DefenseError, match="too large"):
        view.sessions.defend([torch.full((2, 32), 1e7)])
    oblivious = replace(view, adaptive=False)
    for ask in (lambda: oblivious.sessions.defend([torch.zeros(2, 32)]), lambda: oblivious.prepare(["a"])):
        with pytest.raises(SuiteError, match="an oblivious attacker does not know the defense"):
            ask()
    mixed = [Message(Kind.HIDDEN, {"hidden": torch.zeros(1, 32)}), Message(Kind.LOGITS, {"logits": torch.zeros(1, 3)})]
    with pytest.raises(SuiteError, match="one kind"):
        view.defend(mixed)
    view.simulations.defenses.budget = 0
    with pytest.raises(SuiteError, match="raise entitlement"):
        view.sessions.defend([torch.zeros(2, 32)])


def test_texts_are_prepared_as_the_submission_does_and_simulations_carry_the_prepared_ids(
    runner: Runner, toy_deployment: Deployment, submission: Make
) -> None:
    prefixed = submission("""
    from dataclasses import replace

    class Plugin(Defense):
        def prepare(self, records, settings):
            return [replace(record, text="well " + record.text[::-1]) for record in records]
    """)
    view = view_of(runner, toy_deployment, prefixed)
    text = view.public.auxiliary[0].text
    assert view.prepare([text, "abc"]) == ["well " + text[::-1], "well cba"]
    for pair in (*view.sessions.simulate([text]), *view.sessions.known_pairs()):
        assert pair.ids is not None and pair.plain is not None
        torch.testing.assert_close(pair.states, view.sessions.part(0, view.sessions.facts.cut)(pair.ids[None])[0])
