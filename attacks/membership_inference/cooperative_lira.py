"""Membership by a party's confidence against that of all other parties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership_inference.evidence import chosen_reader
from attacks.toolkit.candidates import by_party, label_ids, scores_of
from attacks.toolkit.confidence import logit_confidence
from attacks.toolkit.lira import cooperative
from attacks.toolkit.readers.logits import Answers, answers, asked, stand_in, table
from harness.attack import Attack, Floats, PopulationFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["CooperativeLira"]


class CooperativeLira(Attack):
    """A party's confidence in a candidate against the other parties' confidences in the same text."""

    name: ClassVar[str] = "cooperative_lira"
    summary: ClassVar[str] = "the party's confidence against that of all other parties"
    source: ClassVar[str] = "Shi et al. 2025, Co-op LiRA"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)
    coalitions: ClassVar[tuple[str, ...]] = ("server",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def guess(self, view: View) -> Guess:
        """A score for every candidate.

        Raises:
            SuiteError: fewer than three senders of logits.
        """
        chosen_reader(view)  # says so where no candidate was asked about
        said = answers(view.transcript, view.public)
        senders = sorted({stand_in(said, party, view.public) for party in {a.party for a in said} - {"server"}})
        phi = np.stack([_phi(view, said, sender) for sender in senders]) if senders else np.zeros((0, 0))
        known = np.isfinite(phi).all(0)
        if len(senders) < 3 or not known.any():
            raise SuiteError(
                f"co-op LiRA needs 3 parties' answers about the same candidates; this coalition sees {len(senders)} "
                f"parties, who all answered about {int(known.sum())} candidates"
            )
        scores = np.full(len(view.candidates), np.nan)
        for party, rows in by_party(view.candidates).items():
            whose = stand_in(said, party, view.public)
            if whose in senders:
                against = np.full(len(scores), np.nan)
                against[known] = cooperative(phi[:, known], senders.index(whose))
                scores[rows] = against[rows]
        return scores_of(view.candidates, scores)


def _phi(view: View, said: Sequence[Answers], sender: str) -> Floats:
    """Confidences ``[m]`` of one sender in every candidate, averaged over rounds; nan where it was not asked."""
    places = asked(view)
    positions = np.array([int(places[c.id][0]) if c.id in places else -1 for c in view.candidates])
    logits = table(said, sender, np.maximum(positions, 0), view.public)
    known = (positions >= 0) & ~np.isnan(logits).any(-1)
    phi = logit_confidence(np.where(known[..., None], logits, 0.0), label_ids(view.candidates, view.public))
    rounds = known.sum(0)
    mean = np.where(known, phi, 0.0).sum(0) / np.maximum(rounds, 1)
    return np.asarray(np.where(rounds > 0, mean, np.nan), dtype=np.float64)
