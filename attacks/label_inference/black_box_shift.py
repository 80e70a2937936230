"""Class shares from labels alone, through an inverted confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.label_inference.prior_fit import PriorFit
from attacks.label_inference.reference_answers import Estimate, ReferenceAnswers, shadow_looks
from attacks.label_inference.shift_estimate import shift_estimate
from attacks.toolkit.view import numpy_rng

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["BlackBoxShift"]


class BlackBoxShift(PriorFit):
    """Proportions from labels alone: a confusion matrix is undone, the reference's or what shadow runs respond with."""

    name: ClassVar[str] = "black_box_shift"
    summary: ClassVar[str] = "histogram of the party's labels through an inverted confusion matrix"
    source: ClassVar[str] = "Lipton, Wang, Smola 2018"

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def estimate(self, view: View, knowledge: ReferenceAnswers) -> Estimate:
        """Black-box shift estimation."""
        return shift_estimate(knowledge, list(shadow_looks(view, self.shadows)), numpy_rng(view))
