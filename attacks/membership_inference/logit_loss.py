"""Membership by the party's confidence in the candidate's label, one threshold for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.membership_inference.evidence import Reader, chosen_reader, confidences, gather
from attacks.toolkit.candidates import scores_of
from attacks.toolkit.looks import summed
from attacks.toolkit.memo import Memo
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["LogitLoss"]


class LogitLoss(Attack):
    """Confidence of a party in the candidate's label, averaged over rounds: the global threshold."""

    name: ClassVar[str] = "logit_loss"
    summary: ClassVar[str] = "the party's confidence in the candidate's label, one threshold for all"
    source: ClassVar[str] = "Yeom et al. 2018, section III"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)

    def __init__(self) -> None:
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        evidence = gather(view, self.reader(view), self.memo, 0, fewest=0)
        return scores_of(view.candidates, summed(confidences(evidence)[0]), evidence.usable)

    def reader(self, view: View) -> Reader:
        """Source of answers about candidates."""
        return chosen_reader(view)
