"""The contract check of scenarios: a sound one passes, a broken one is told everything at once."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.evaluation.scenario_check import check_scenario
from harness.scenario import DistributionSecret, Scenario, Settings, Step
from tests.stand_ins.installed_plugin import install

OUTSIDE = Path(__file__).resolve().parents[2] / "outside_plugin"


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """The scenario of the plugin package that the tests install."""
    monkeypatch.syspath_prepend(str(OUTSIDE))
    scenario = importlib.import_module("outside_plugin.shared_counts").SHARED_COUNTS
    assert isinstance(scenario, Scenario)
    return scenario


def problems(scenario: Any, site: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Problems of an object that is registered as ``shared_counts``."""
    module = ModuleType("stranger_scenario")
    module.__dict__.update(SCENARIOS={"shared_counts": "stranger_scenario:CHOSEN"}, CHOSEN=scenario)
    monkeypatch.setitem(sys.modules, "stranger_scenario", module)
    install("stranger_scenario", site, monkeypatch)
    return check_scenario("shared_counts", isolation="none").problems


def test_a_sound_scenario_passes(sound: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(sound, tmp_path, monkeypatch) == ()


def test_all_problems_are_reported_at_once(sound: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(Settings):
        clients: int = 3

    def small(folder: str) -> Any:
        return replace(sound.small(folder), tasks=(), secrets={"another": DistributionSecret({})})

    steps = {"": (Step("clients", "answers", "server", "LOGITS"),)}
    broken = replace(sound, name="other", source="", settings=Mute, small=small, steps=steps)
    text = "\n".join(problems(broken, tmp_path, monkeypatch))
    for word in ("name: ", "source: ", "clients has no description", "tasks: ", "'another'", "steps: "):
        assert word in text


def test_a_deployment_that_cannot_be_built_is_reported(
    sound: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(folder: str) -> Any:
        raise KeyError("model")

    assert problems(replace(sound, small=small), tmp_path, monkeypatch) == ("small: KeyError: 'model'",)
