"""Membership by the confidence that the rounds added to the global model, in all or in the one that added most."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership_inference.global_loss import GlobalLoss, asked_of, jumps
from attacks.toolkit.candidates import scores_of
from attacks.toolkit.readers.global_models import global_states
from harness.attack import SuiteError

if TYPE_CHECKING:
    from harness.attack import Floats, Guess, View

__all__ = ["GlobalGain"]

OVER = ("rounds", "largest")
POPULATION = 64
"""Auxiliary records that tell what a round does to a text that was in none of them."""


class GlobalGain(GlobalLoss):
    """Confidence that the rounds added since the public start; what is easy, or hard, for everyone is so for the start.

    ``over="largest"`` follows the trajectory: a record enters few rounds, so that its confidence moves in few. Each
    round's change is compared with that of the attacker's own records of the same label (in standard deviations), and
    the largest one counts.
    """

    name: ClassVar[str] = "global_gain"
    summary: ClassVar[str] = "how much the rounds raised the global model's confidence in the candidate"
    source: ClassVar[str] = "Watson et al. 2022 (difficulty calibration); trajectories: Liu et al. 2022, section 4"

    def __init__(self, *, over: str = "rounds") -> None:
        super().__init__()
        if over not in OVER:
            raise SuiteError(f"over {over!r} is none of {', '.join(OVER)}")
        self.over = over

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        gains = self.gains(view, view.transcript)
        scores = gains[-1] if self.over == "rounds" else largest(jumps(gains), *self._usual(view))
        return scores_of(view.candidates, scores)

    def _usual(self, view: View) -> tuple[Floats, Floats]:
        """Mean and deviation ``[rounds, m]`` of each round's change of own records, of the candidate's label where two
        or more are."""
        own = [(record.text, record.label) for record in view.public.auxiliary if record.label is not None][:POPULATION]
        if len(own) < 2:
            raise SuiteError("trajectories are compared with those of auxiliary records: the scenario gives too few")
        moved = jumps(self.asker(view).gains(global_states(view.transcript), own))
        labels = np.array([str(label) for _, label in own])
        means, spreads = [], []
        for _, label in asked_of(view):
            alike = labels == str(label)
            some = moved[:, alike] if alike.sum() > 1 else moved
            means.append(some.mean(1))
            spreads.append(some.std(1, ddof=1))
        return np.stack(means, 1), np.stack(spreads, 1)


def largest(moved: Floats, means: Floats, spreads: Floats) -> Floats:
    """The largest of each column, in standard deviations of its round; a round that moves nothing says nothing."""
    there = spreads > 0
    return np.asarray(np.where(there, (moved - means) / np.where(there, spreads, 1.0), 0.0).max(0), dtype=np.float64)
