"""Class proportions from averages of a party's answers: the published attack, and its hard-label twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.label_distribution.answers import argmax_histogram, hard_labels, mean_softmax
from attacks.label_distribution.world import look, named, parties_of
from attacks.membership.reading import numpy_rng
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["ArgmaxHistogram", "MeanSoftmax"]


class MeanSoftmax(Attack):
    """Mean class shares of a party's answers over the public texts and rounds."""

    name: ClassVar[str] = "mean_softmax"
    summary: ClassVar[str] = "mean class shares of the party's answers on public texts"
    source: ClassVar[str] = "Shi et al. 2025, label distribution inference"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)

    def guess(self, view: View) -> Guess:
        """Party -> class -> share; parties that are not seen are left out."""
        looks = look(view, view.transcript, parties_of(view))
        return named(view, {party: mean_softmax(logits) for party, logits in looks.items()})


class ArgmaxHistogram(Attack):
    """How often a party answers each class: what is left of the mean where only labels are sent."""

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
