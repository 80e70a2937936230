"""Membership without shadow runs: how small the loss is, on the party's own answers or on those of a student."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.confidence import log_likelihood
from attacks.membership.evidence import Reader, chosen_reader, confidences, gather, passive_reader, scores_of
from attacks.membership.reading import Memo, label_ids
from attacks.membership.reference import embedded, fit_reference
from attacks.membership.rounds import summed
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["BlindMembership", "LogitLoss", "SurrogateLoss"]


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
        """Where answers about candidates come from."""
        return chosen_reader(view)


class SurrogateLoss(LogitLoss):
    """The same on a student of the party, fitted to its logits on the public texts: no candidate is asked about."""

    name: ClassVar[str] = "surrogate_loss"
    summary: ClassVar[str] = "confidence of a student distilled from the party's public logits"
    source: ClassVar[str] = "Yeom et al. 2018 on a distilled model (Shi et al. 2025)"

    def reader(self, view: View) -> Reader:
        """Answers of students."""
        return passive_reader(view, self.memo)


class BlindMembership(Attack):
    """Without the transcript: how easy a model of the attacker's own finds the candidate."""

    name: ClassVar[str] = "blind_membership"
    summary: ClassVar[str] = "confidence of a reference model trained on auxiliary records"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True

    def __init__(self) -> None:
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        scores = self.memo.of(view.public, lambda: self._scores(view))
        return scores_of(view.candidates, scores)

    def _scores(self, view: View) -> np.ndarray:
        points = embedded(view, [c.text for c in view.candidates])
        return log_likelihood(fit_reference(view).log_shares(points), label_ids(view.candidates, view.public))
