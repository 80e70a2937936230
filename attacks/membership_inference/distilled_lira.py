"""Membership by a party's confidence against that of its own students."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership_inference.evidence import chosen_reader, confidences, gather, public_basis
from attacks.toolkit.candidates import by_party, label_ids, scores_of
from attacks.toolkit.looks import summed
from attacks.toolkit.memo import Memo
from attacks.toolkit.readers.logits import answers, public_range, table
from attacks.toolkit.students import Basis, distilled_lira, draw_subsets
from attacks.toolkit.view import numpy_rng
from harness.attack import Attack, Ints, PopulationFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["DistilledLira"]


class DistilledLira(Attack):
    """A party's confidence in a candidate against that of students that learned from its public answers alone."""

    name: ClassVar[str] = "distilled_lira"
    summary: ClassVar[str] = "the party's confidence against that of its own students"
    source: ClassVar[str] = "Shi et al. 2025, Distillation LiRA"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(self, *, students: int = 16, share: float = 0.8) -> None:
        self.students = students
        self.share = share
        self.memo = Memo()
        self.subsets = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        evidence = gather(view, chosen_reader(view), self.memo, 0, fewest=0)
        target = confidences(evidence)[0]
        basis, points = public_basis(view, self.memo)
        said, labels = answers(view.transcript, view.public), label_ids(view.candidates, view.public)
        subsets = self.subsets.of(view.public.facts, lambda: self._subsets(view, basis))
        scores = np.full(len(labels), np.nan)
        for party, rows in by_party(view.candidates).items():
            rounds = table(said, party, public_range(view.public), view.public)
            # A party's model is another one in each round, and it is asked about candidates in the last ones: students
            # of an earlier model miss what it has unlearned since, and fall below chance.
            looks = [
                distilled_lira(target[rows, look], subsets, logits, points[rows], labels[rows])
                for look, logits in enumerate(rounds[-target.shape[1] :])
            ]
            scores[rows] = summed(np.stack(looks, axis=1))
        return scores_of(view.candidates, scores, evidence.usable)

    def _subsets(self, view: View, basis: Basis) -> list[tuple[Ints, Basis]]:
        return draw_subsets(basis, numpy_rng(view), students=self.students, share=self.share)
