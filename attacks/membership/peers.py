"""Membership without shadow runs, calibrated by what the run itself offers: the other parties, or students."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.confidence import logit_confidence
from attacks.membership.evidence import chosen_reader, confidences, gather, public_basis, scores_of
from attacks.membership.lira import cooperative
from attacks.membership.reading import (
    Answers,
    Memo,
    answers,
    asked,
    by_party,
    label_ids,
    numpy_rng,
    public_range,
    stand_in,
    table,
)
from attacks.membership.rounds import summed
from attacks.membership.surrogate import Basis, distilled_lira, draw_subsets
from harness.attack import Attack, Floats, Ints, SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["CooperativeLira", "DistilledLira"]


class CooperativeLira(Attack):
    """A party's confidence in a candidate against the other parties' confidences in the same text."""

    name: ClassVar[str] = "cooperative_lira"
    summary: ClassVar[str] = "the party's confidence against that of all other parties"
    source: ClassVar[str] = "Shi et al. 2025, Co-op LiRA"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)
    coalitions: ClassVar[tuple[str, ...]] = ("server",)

    def guess(self, view: View) -> Guess:
        """A score for every candidate.

        Raises:
            SuiteError: fewer than three senders of logits.
        """
        chosen_reader(view)  # says so where no candidate was asked about
        found = answers(view.transcript, view.public)
        senders = sorted({stand_in(found, party, view.public) for party in {a.party for a in found} - {"server"}})
        phi = np.stack([_phi(view, found, sender) for sender in senders]) if senders else np.zeros((0, 0))
        known = np.isfinite(phi).all(0)
        if len(senders) < 3 or not known.any():
            raise SuiteError(
                f"co-op LiRA needs 3 parties' answers about the same candidates; this coalition sees {len(senders)} "
                f"parties, who all answered about {int(known.sum())} candidates"
            )
        scores = np.full(len(view.candidates), np.nan)
        for party, rows in by_party(view.candidates).items():
            whose = stand_in(found, party, view.public)
            if whose in senders:
                against = np.full(len(scores), np.nan)
                against[known] = cooperative(phi[:, known], senders.index(whose))
                scores[rows] = against[rows]
        return scores_of(view.candidates, scores)


class DistilledLira(Attack):
    """A party's confidence in a candidate against that of students that learned from its public answers alone."""

    name: ClassVar[str] = "distilled_lira"
    summary: ClassVar[str] = "the party's confidence against that of its own students"
    source: ClassVar[str] = "Shi et al. 2025, Distillation LiRA"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)

    def __init__(self, *, students: int = 16, share: float = 0.8) -> None:
        self.students = students
        self.share = share
        self.memo = Memo()
        self.subsets = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        evidence = gather(view, chosen_reader(view), self.memo, 0, fewest=0)
        target = summed(confidences(evidence)[0])
        basis, points = public_basis(view, self.memo)
        found, labels = answers(view.transcript, view.public), label_ids(view.candidates, view.public)
        subsets = self.subsets.of(view.public.facts, lambda: self._subsets(view, basis))
        scores = np.full(len(target), np.nan)
        for party, rows in by_party(view.candidates).items():
            logits = np.nanmean(table(found, party, public_range(view.public), view.public), axis=0)
            scores[rows] = distilled_lira(target[rows], subsets, logits, points[rows], labels[rows])
        return scores_of(view.candidates, scores, evidence.usable)

    def _subsets(self, view: View, basis: Basis) -> list[tuple[Ints, Basis]]:
        return draw_subsets(basis, numpy_rng(view), students=self.students, share=self.share)


def _phi(view: View, found: Sequence[Answers], sender: str) -> Floats:
    """Confidences ``[m]`` of one sender in every candidate, averaged over rounds; nan where it was not asked."""
    places = asked(view)
    positions = np.array([int(places[c.id][0]) if c.id in places else -1 for c in view.candidates])
    logits = table(found, sender, np.maximum(positions, 0), view.public)
    known = (positions >= 0) & ~np.isnan(logits).any(-1)
    phi = logit_confidence(np.where(known[..., None], logits, 0.0), label_ids(view.candidates, view.public))
    rounds = known.sum(0)
    mean = np.where(known, phi, 0.0).sum(0) / np.maximum(rounds, 1)
    return np.asarray(np.where(rounds > 0, mean, np.nan), dtype=np.float64)
