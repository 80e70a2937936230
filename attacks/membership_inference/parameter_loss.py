"""Membership by the confidence of a client's uploaded model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.membership_inference.logit_loss import LogitLoss
from attacks.toolkit.memo import Memo
from attacks.toolkit.readers.parameters import evaluated

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["ParameterLoss"]


class ParameterLoss(LogitLoss):
    """Confidence of a client's own model in the candidate's label, averaged over its uploads: one threshold for all.

    Candidates of clients whose models are not seen get the median: aim at a secret that leaves them out, such as
    ``membership:edge0``.
    """

    name: ClassVar[str] = "parameter_loss"
    summary: ClassVar[str] = "confidence of the client's uploaded model in the candidate's label"
    source: ClassVar[str] = "Yeom et al. 2018, section III; uploaded models: Nasr et al. 2019, section V"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)

    def __init__(self) -> None:
        super().__init__()
        self.models = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        return super().guess(evaluated(view, self.models))
