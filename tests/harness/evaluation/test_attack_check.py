"""The contract check of attacks: a shipped one passes, a broken one is told everything at once."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.evaluation.attack_check import check_attack
from harness.plugins import registry
from tests.stand_ins.faulty_attacks import Crashing, Incomplete, Sound, Undeclared, Unseeded
from tests.stand_ins.installed_plugin import install


def problems(attack: Any, site: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Problems of a class that is registered as ``stranger``."""
    module = ModuleType("stranger_plugin")
    module.__dict__.update(ATTACKS={"stranger": "stranger_plugin:Chosen"}, Chosen=attack)
    monkeypatch.setitem(sys.modules, "stranger_plugin", module)
    install("stranger_plugin", site, monkeypatch)
    prototypes = {"prototype_sharing": registry.load("scenario", "prototype_sharing")}
    monkeypatch.setattr("harness.evaluation.attack_check.loaded_scenarios", lambda: prototypes)
    return check_attack("stranger").problems


def test_a_sound_attack_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(Sound, tmp_path, monkeypatch) == ()


@pytest.mark.parametrize(
    ("attack", "words"),
    [(Unseeded, "draw from view.rng alone"), (Incomplete, "candidates without a score"), (Crashing, "KeyError")],
)
def test_what_a_guess_does_wrong_is_reported_for_both_variants(
    attack: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported = problems(attack, tmp_path, monkeypatch)
    assert len(reported) == 2
    assert all(words in problem and "prototype_sharing" in problem for problem in reported)


def test_all_problems_of_a_declaration_are_reported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(problems(Undeclared, tmp_path, monkeypatch))
    for word in ("summary:", "source:", "'another'", "shoe_size", "SMELL", "guess:", "'needed'"):
        assert word in text
