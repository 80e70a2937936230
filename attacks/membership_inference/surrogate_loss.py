"""Membership by the confidence of a student distilled from the party's public logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.membership_inference.evidence import Reader, passive_reader
from attacks.membership_inference.logit_loss import LogitLoss

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["SurrogateLoss"]


class SurrogateLoss(LogitLoss):
    """Confidence of a student of the party, fitted to its logits on the public texts: no candidate is asked about."""

    name: ClassVar[str] = "surrogate_loss"
    summary: ClassVar[str] = "confidence of a student distilled from the party's public logits"
    source: ClassVar[str] = "Yeom et al. 2018 on a distilled model (Shi et al. 2025)"

    def reader(self, view: View) -> Reader:
        """Answers of students."""
        return passive_reader(view, self.memo)
