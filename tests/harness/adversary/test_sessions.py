"""Sessions of split inference: observations, known pairs, simulations and their budget, on a small real run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.adversary.view import TargetView
from harness.errors import DataError, SuiteError
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.wire.facts import SplitFacts
from harness.wire.message import Kind
from tests.stand_ins.live_view import live_view
from tests.stand_ins.toy_membership import view_on
from tests.stand_ins.toy_protocol import deployment


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


@pytest.fixture(scope="module")
def view(runner: Runner, toy_deployment: Deployment) -> TargetView:
    secret = frozenset(toy_deployment.secrets["text"].records)
    return replace(live_view(runner, toy_deployment), secret_items=secret)


def test_observations_are_the_sessions_of_secrets(view: TargetView, toy_deployment: Deployment) -> None:
    observed = view.sessions.observations()
    assert {one.record for one in observed} == set(toy_deployment.secrets["text"].records)
    assert all(one.plain is None and one.ids is None for one in observed)
    assert all(0 < one.prompt_length < len(one.states) for one in observed)  # generated tokens come after the prompt
    assert len(view.messages(Kind.HIDDEN)) == len(view.transcript)


def test_known_pairs_and_simulations_are_what_the_public_weights_give(view: TargetView) -> None:
    sessions, text = view.sessions, view.public.auxiliary[0].text
    [simulated] = sessions.simulate([text])
    for pair in (*sessions.known_pairs(), simulated):
        assert pair.plain is not None and pair.ids is not None
        torch.testing.assert_close(pair.states, pair.plain, atol=1e-5, rtol=1e-4)
    facts = sessions.facts
    around = [*facts.prefix, *sessions.tokenize(text), *facts.suffix]
    assert simulated.ids is not None and simulated.ids.tolist() == around
    assert len(sessions.known_pairs()) == 2


def test_protocols_in_rounds_have_no_sessions(runner: Runner, toy_folder: Path) -> None:
    view = view_on(runner, deployment(str(toy_folder), rounds=1))
    with pytest.raises(DataError, match="makes no SplitFacts public"):
        view.sessions.observations()
    named = replace(view.deployment.public, facts=(SplitFacts("none"),))
    several = replace(view, deployment=replace(view.deployment, public=named))
    with pytest.raises(SuiteError, match="one private party; read the transcript"):
        several.sessions.observations()
