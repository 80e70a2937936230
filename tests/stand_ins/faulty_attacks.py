"""Attacks for the contract check: one that is sound, and one for each thing that it reports."""

from __future__ import annotations

from typing import ClassVar

from harness.attack import Attack, Guess, View

__all__ = ["Crashing", "Incomplete", "Sound", "Undeclared", "Unseeded"]


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
