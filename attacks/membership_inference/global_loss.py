"""Membership by the confidence of the last global model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.candidates import scores_of
from attacks.toolkit.memo import Memo
from attacks.toolkit.readers.global_models import Asked, Asker, global_states
from harness.attack import Attack, Floats, GradientFacts, PopulationFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.attack import Facts, Guess, SeenMessage, View

__all__ = ["GlobalLoss"]


class GlobalLoss(Attack):
    """Confidence of the last global model in the candidate, one threshold for all.

    Needs nothing but the model that everybody who takes part is sent.
    """

    name: ClassVar[str] = "global_loss"
    summary: ClassVar[str] = "how sure the last global model is of the candidate, one threshold for all"
    source: ClassVar[str] = "Yeom et al. 2018, section III; by a client: Nasr et al. 2019, section V"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts, PopulationFacts)

    def __init__(self) -> None:
        self.askers, self.starts, self.answers = Memo(), Memo(), Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        return scores_of(view.candidates, self.start(view) + self.gains(view, view.transcript)[-1])

    def gains(self, view: View, transcript: Sequence[SeenMessage]) -> Floats:
        """``[rounds, m]``: by how much each global model of a run is surer of every candidate than the start was."""
        start = self.start(view)
        return self.answers.of(
            transcript, lambda: self.asker(view).gains(global_states(transcript), asked_of(view), start)
        )

    def start(self, view: View) -> Floats:
        """Confidence ``[m]`` of the public start, asked once."""
        return self.starts.of(view.candidates, lambda: self.asker(view).ask({}, asked_of(view)))

    def asker(self, view: View) -> Asker:
        """The public model, built once."""
        return self.askers.of(view.candidates, lambda: Asker(view.public))


def asked_of(view: View) -> Asked:
    """The candidates as questions."""
    return [(one.text, one.label) for one in view.candidates]


def jumps(gains: Floats) -> Floats:
    """``[rounds, m]``: what each round added to the gains."""
    return np.diff(gains, axis=0, prepend=0.0)
