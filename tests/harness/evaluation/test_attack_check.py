"""The contract check of attacks: a shipped one passes, a broken one is told everything at once."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, ClassVar

import pytest

from harness.attack import Attack, Guess, View
from harness.evaluation.attack_check import check_attack
from harness.plugins import registry


class Sound(Attack):
    """Guesses that a membership secret can score."""

    name: ClassVar[str] = "stranger"
    summary: ClassVar[str] = "all alike"
    source: ClassVar[str] = "a test"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def guess(self, view: View) -> Guess:
        return {candidate.id: 0.0 for candidate in view.candidates}


class Unseeded(Sound):
    """Draws from a generator of its own."""

    calls: ClassVar[list[int]] = []

    def guess(self, view: View) -> Guess:
        self.calls.append(0)
        return {candidate.id: float(len(self.calls)) for candidate in view.candidates}


class Incomplete(Sound):
    """Leaves candidates out."""

    def guess(self, view: View) -> Guess:
        return {}


class Crashing(Sound):
    """Raises what it likes."""

    def guess(self, view: View) -> Guess:
        raise KeyError("logits")


class Undeclared(Attack):
    """Declares next to nothing, and wrongly."""

    name: ClassVar[str] = "another"
    secret: ClassVar[str] = "shoe_size"
    reads: ClassVar[tuple[str, ...]] = ("SMELL",)

    def __init__(self, needed: int) -> None:
        self.needed = needed


def problems(attack: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Problems of a class that is registered as ``stranger``; imports of this file are not looked at."""
    module = ModuleType("stranger_plugin")
    module.__dict__.update(ATTACKS={"stranger": "stranger_plugin:Chosen"}, Chosen=attack)
    monkeypatch.setitem(sys.modules, "stranger_plugin", module)
    modules = [*registry._modules(), "stranger_plugin"]
    monkeypatch.setattr(registry, "_modules", lambda: iter(modules))
    monkeypatch.setattr("inspect.getsourcefile", lambda target: None)
    prototypes = {"prototype_sharing": registry.load("scenario", "prototype_sharing")}
    monkeypatch.setattr("harness.evaluation.attack_check.loaded_scenarios", lambda: prototypes)
    return check_attack("stranger").problems


def test_a_sound_attack_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(Sound, monkeypatch) == ()


@pytest.mark.parametrize(
    ("attack", "words"),
    [(Unseeded, "draw from view.rng alone"), (Incomplete, "candidates without a score"), (Crashing, "KeyError")],
)
def test_what_a_guess_does_wrong_is_reported_for_both_variants(
    attack: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported = problems(attack, monkeypatch)
    assert len(reported) == 2
    assert all(words in problem and "prototype_sharing" in problem for problem in reported)


def test_all_problems_of_a_declaration_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(problems(Undeclared, monkeypatch))
    for word in ("summary:", "source:", "'another'", "shoe_size", "SMELL", "guess:", "'needed'"):
        assert word in text
