"""Membership from votes, by the likelihood ratio with an estimated background."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.calibration import CALIBRATING, calibrated
from attacks.toolkit.readers.votes import ballots
from attacks.toolkit.vote_background import VoteBackground
from attacks.toolkit.vote_likelihood import any_party
from harness.attack import SUM, Attack, Floats, VoteFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, SeenMessage, View

__all__ = ["VoteRatio"]


class VoteRatio(Attack):
    """Likelihood ratio that a candidate's vote is in its party's histograms, summed over rounds.

    Votes are recomputed by the public rule; those of all others are expected from auxiliary records of the class,
    as many as the histogram holds votes (nobody but the party knows them exactly: see
    :mod:`attacks.toolkit.vote_likelihood`). Where only sums over parties are seen, the background is everyone's. The
    adaptive variant uses the declared noise, or what falls below zero; the oblivious one takes histograms as exact.
    ``by_party`` False ignores which party a candidate is asked about, and mixes over all of them.
    """

    name: ClassVar[str] = "vote_ratio"
    summary: ClassVar[str] = "likelihood ratio of the histogram with and without the record's vote"
    source: ClassVar[str] = "Dong et al. 2022 (Gaussian test); votes of Xie et al. 2024 and Zou et al. 2025"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("VOTE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (VoteFacts,)

    def __init__(self, *, shadows: int = 0, by_party: bool = True) -> None:
        self.shadows = shadows
        self.by_party = by_party

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        background = VoteBackground(view)
        live = self._scores(background, view.transcript)
        shadows = view.shadows(self.shadows) if self.shadows else []
        if len(shadows) >= CALIBRATING:
            known = np.stack([self._scores(background, shadow.transcript) for shadow in shadows])
            members = np.array([[shadow.members[c.id] for c in view.candidates] for shadow in shadows])
            live = calibrated(live, known, members)
        return {one.id: float(score) for one, score in zip(view.candidates, live, strict=True)}

    def _scores(self, background: VoteBackground, transcript: Iterable[SeenMessage]) -> Floats:
        everyones = ballots(transcript)
        parties = list(dict.fromkeys(ballot.party for ballot in everyones))
        ratios = {party: background.ratios([b for b in everyones if b.party == party]) for party in parties}
        everyone = any_party(np.stack(list(ratios.values()))) if ratios else np.zeros(len(background.owners))
        if not self.by_party:
            return everyone
        return np.array([ratios.get(p, ratios.get(SUM, everyone))[i] for i, p in enumerate(background.owners)])
