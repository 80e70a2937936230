"""Blind guess at membership: the confidence of a reference model of the attacker's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.candidates import label_ids, scores_of
from attacks.toolkit.confidence import log_likelihood
from attacks.toolkit.memo import Memo
from attacks.toolkit.reference_model import fit_reference
from attacks.toolkit.view import embeddings
from harness.attack import Attack, PopulationFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["BlindMembership"]


class BlindMembership(Attack):
    """Without the transcript: how easy a model of the attacker's own finds the candidate."""

    name: ClassVar[str] = "blind_membership"
    summary: ClassVar[str] = "confidence of a reference model trained on auxiliary records"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(self) -> None:
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        scores = self.memo.of(view.public, lambda: self._scores(view))
        return scores_of(view.candidates, scores)

    def _scores(self, view: View) -> np.ndarray:
        points = embeddings(view, [c.text for c in view.candidates])
        return log_likelihood(fit_reference(view).log_shares(points), label_ids(view.candidates, view.public))
