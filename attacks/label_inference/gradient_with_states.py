"""Labels of training records by their gradients and by the trained states together."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.gradient_spectral import GradientSpectral
from attacks.label_inference.model_completion import ModelCompletion
from attacks.toolkit.readers.cut_gradients import finetuning
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["GradientWithStates"]


class GradientWithStates(Attack):
    """A defense that spoils one gradient spoils neither their average nor what they have taught the blocks.

    Scores of ``gradient_spectral`` and ``model_completion`` as log-odds of two Gaussians each. How far apart these are
    is read off the hints for gradients, which were not fitted to them; for states, which were, ``apart`` is assumed
    (distance of a class's mean from the middle, over the spread of all). Against randomised response the states, which
    follow the texts, correct labels that were flipped; against noise, the gradients that are left correct the states.
    """

    name: ClassVar[str] = "gradient_with_states"
    summary: ClassVar[str] = "gradients and trained states, weighed by the hints"
    source: ClassVar[str] = "unpublished; a sum of log-odds of the attacks of Sun et al. 2022 and Fu et al. 2022"
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("HIDDEN", "GRADIENT")
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def __init__(self, *, apart: float = 0.5) -> None:
        self.apart = apart

    def guess(self, view: View) -> Guess:
        """Record -> probability of class 1, as far as log-odds are calibrated."""
        facts = finetuning(view)
        sides = {record: 1 if label == facts.labels[1] else -1 for record, label in facts.hints.items()}
        gradients, states = (_standard(attack.guess(view)) for attack in (GradientSpectral(), ModelCompletion()))
        known = [side * gradients[record] for record, side in sides.items() if record in gradients]
        weights = (_weight(float(np.mean(known)) if known else self.apart), _weight(self.apart))
        odds = {record: weights[0] * gradients[record] + weights[1] * states[record] for record in gradients}
        return {record: float(1 / (1 + np.exp(-np.clip(value, -30, 30)))) for record, value in odds.items()}


def _standard(guess: Guess) -> dict[str, float]:
    """Log-odds of a guess over their standard deviation."""
    odds = {record: float(np.log(value / (1 - value))) for record, value in guess.items()}
    spread = max(float(np.std(list(odds.values()))), 1e-12)
    return {record: value / spread for record, value in odds.items()}


def _weight(apart: float) -> float:
    """Log-odds for each unit of a score of variance 1, of two Gaussians whose means are ``apart`` from the middle."""
    apart = min(max(apart, 0.0), 0.99)
    return 2 * apart / (1 - apart**2)
