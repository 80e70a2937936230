"""Class shares from the top classes of a party's answers: the hard-label form of the published attack."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.label_inference.answer_shares import argmax_histogram, hard_labels
from attacks.label_inference.reference_answers import look, named
from attacks.toolkit.view import numpy_rng, parties_of
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["ArgmaxHistogram"]


class ArgmaxHistogram(Attack):
    """Frequency of each class among a party's answers: the rest of the mean where only labels are sent."""

    name: ClassVar[str] = "argmax_histogram"
    summary: ClassVar[str] = "histogram of the party's top classes on public texts"
    source: ClassVar[str] = "hard-label form of Shi et al. 2025"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)

    def guess(self, view: View) -> Guess:
        """Party -> class -> share; parties that are not seen are left out."""
        rng = numpy_rng(view)
        looks = look(view, view.transcript, parties_of(view))
        histograms = {p: argmax_histogram(hard_labels(one, rng), one.shape[-1]) for p, one in looks.items()}
        return named(view, histograms)
