"""Settings that ``prepare`` may change: the scenario's knobs, towards less training, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DefenseError
from harness.plugins import registry
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.knobs import chosen_settings
from harness.runtime.runner import Runner
from harness.scenario.checks import deployment_problems
from harness.scenario.plugin import Scenario
from tests.stand_ins.toy_protocol import deployment

Make = Callable[..., Submission]
BEFORE: dict[str, Any] = {"epochs": 3, "lr": 0.1, "batch_size": 8, "alone": False, "labels": ["a", "b"]}
KNOBS = {"epochs": "at most", "lr": "at most", "batch_size": "at least"}


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, fork_server=worker_server) as runner:
        yield runner


def test_knobs_move_to_their_side() -> None:
    assert chosen_settings(BEFORE, dict(BEFORE), {}) == BEFORE
    after = chosen_settings(BEFORE, {**BEFORE, "epochs": 1, "lr": 0.05, "batch_size": 64}, KNOBS)
    assert after == {**BEFORE, "epochs": 1, "lr": 0.05, "batch_size": 64}
    assert (
        chosen_settings({"features": "adapter"}, {"features": "frozen"}, {"features": ["frozen"]})["features"]
        == "frozen"
    )
    for value in ("projection", ["frozen"], None):
        with pytest.raises(
            DefenseError, match=r"set 'features' to another value; it may change features \(to frozen\)"
        ):
            chosen_settings({"features": "adapter"}, {"features": value}, {"features": ["frozen"]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alone": True}, "changed the setting 'alone'; it may change batch_size"),
        ({"alone": 0}, "changed the setting 'alone'"),
        ({"labels": ["b", "a"]}, "changed the setting 'labels'"),
        ({"new": 1}, "changed the setting 'new'"),
        ({"epochs": 4}, "set 'epochs' to 4 from 3"),
        ({"epochs": 0}, "set 'epochs' to 0 from 3"),
        ({"epochs": True}, "set 'epochs' to a bool"),
        ({"epochs": 2.5}, "set 'epochs' to a float"),
        ({"lr": float("nan")}, "set 'lr' to a float"),
        ({"lr": "0"}, "set 'lr' to a str"),
        ({"batch_size": 4}, "set 'batch_size' to 4 from 8"),
        ({"labels": {1, 2}}, "changed the setting 'labels'"),
    ],
)
def test_everything_else_is_refused_by_name(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DefenseError, match=words):
        chosen_settings(BEFORE, BEFORE | change, KNOBS)
    removed = {name: value for name, value in BEFORE.items() if name != "alone"}
    with pytest.raises(DefenseError, match="'alone'"):
        chosen_settings(BEFORE, removed, KNOBS)


def test_a_party_cannot_be_told_to_work_alone(runner: Runner, toy_folder: Path, submission: Make) -> None:
    """On commit e6ffef4 it answered from its own means alone, and its utility was no protocol's."""
    loner = submission("""
    class Plugin(Defense):
        def prepare(self, records, settings):
            settings["alone"] = True
            return records
    """)
    with pytest.raises(DefenseError, match=r"prepare\(\) changed the setting 'alone'; it may change none"):
        runner.execute(deployment(str(toy_folder)), Execution(loner))


def test_what_setup_and_prepare_hold_on_to_changes_nothing(runner: Runner, toy_folder: Path, submission: Make) -> None:
    late = submission("""
    class Plugin(Defense):
        def prepare(self, records, settings):
            self.held = settings
            return records

        def setup(self, records, public):
            self.held["alone"] = True
            try:
                public.settings["alone"] = True
            except TypeError:
                pass

        def send(self, message):
            self.held["alone"] = True
            return message
    """)
    toy = deployment(str(toy_folder))
    assert runner.execute(toy, Execution(late)).predictions == runner.execute(toy, Execution(None)).predictions


def test_knobs_of_a_deployment_are_settings_of_its_parties(toy_folder: Path) -> None:
    toy = deployment(str(toy_folder))
    (problem, *_) = deployment_problems(replace(toy, knobs={"speed": "at most"}))
    assert problem == "party 'client0' has no settings speed, which are knobs of its defense"


@pytest.mark.parametrize("name", ["logit_kd", "prototype_sharing", "split_llm", "synthetic_fusion"])
def test_knobs_of_the_shipped_scenarios_let_a_party_train_less_alone(name: str, toy_folder: Path) -> None:
    scenario = registry.load("scenario", name)
    assert isinstance(scenario, Scenario)
    made = scenario.small(str(toy_folder))
    sides = {"epochs": "at most", "lr": "at most", "learning_rate": "at most"}
    sides |= {"batch_size": "at least", "batch": "at least"}
    assert {knob: side for knob, side in made.knobs.items() if knob != "features"}.items() <= sides.items()
    assert made.knobs.get("features") == (("frozen",) if name == "prototype_sharing" else None)
    assert bool(made.knobs) is (name != "split_llm")
    assert not [problem for problem in deployment_problems(made) if "knobs" in problem]
