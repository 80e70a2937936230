"""Class shares from the mean of a party's answers: the published attack."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.label_inference.answer_shares import mean_softmax
from attacks.label_inference.reference_answers import look, named
from attacks.toolkit.view import parties_of
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["MeanSoftmax"]


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
