"""Membership from votes: the likelihood ratio with an estimated background, as an attack on a run; and baselines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.prototype.mean_release import CALIBRATING, calibrated
from attacks.prototype.reading import embeddings
from attacks.votes.likelihood import any_party
from attacks.votes.reading import ballots
from attacks.votes.room import Room
from harness.attack import SUM, Attack, Floats

if TYPE_CHECKING:
    from harness.attack import Guess, SeenMessage, View

__all__ = ["TopVoted", "VoteProbe", "VoteRatio"]


class VoteRatio(Attack):
    """Likelihood ratio that a candidate's vote is in its party's histograms, summed over rounds.

    Votes are recomputed by the public rule; those of all others are expected from auxiliary records of the class,
    as many as the histogram holds votes (nobody but the party knows them exactly: see
    :mod:`attacks.votes.likelihood`). Where only sums over parties are seen, the background is everyone's. The
    adaptive variant uses the declared noise, or what falls below zero; the oblivious one takes histograms as exact.
    ``by_party`` False ignores which party a candidate is asked about, and mixes over all of them.
    """

    name: ClassVar[str] = "vote_ratio"
    summary: ClassVar[str] = "likelihood ratio of the histogram with and without the record's vote"
    source: ClassVar[str] = "Dong et al. 2022 (Gaussian test); votes of Xie et al. 2024 and Zou et al. 2025"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("VOTE",)

    def __init__(self, *, shadows: int = 0, by_party: bool = True) -> None:
        self.shadows = shadows
        self.by_party = by_party

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        world = Room(view)
        live = self._scores(world, view.transcript)
        shadows = view.shadows(self.shadows) if self.shadows else []
        if len(shadows) >= CALIBRATING:
            known = np.stack([self._scores(world, shadow.transcript) for shadow in shadows])
            members = np.array([[shadow.members[c.id] for c in view.candidates] for shadow in shadows])
            live = calibrated(live, known, members)
        return {one.id: float(score) for one, score in zip(view.candidates, live, strict=True)}

    def _scores(self, world: Room, transcript: Iterable[SeenMessage]) -> Floats:
        found = ballots(transcript)
        parties = list(dict.fromkeys(ballot.party for ballot in found))
        ratios = {party: world.ratios([b for b in found if b.party == party]) for party in parties}
        everyone = any_party(np.stack(list(ratios.values()))) if ratios else np.zeros(len(world.owners))
        if not self.by_party:
            return everyone
        return np.array([ratios.get(p, ratios.get(SUM, everyone))[i] for i, p in enumerate(world.owners)])


class VoteProbe(Attack):
    """Active: candidates were among the texts voted on; a member votes for its own copy.

    The votes of a candidate's copy beyond what auxiliary records would give it, in standard deviations, over rounds.
    """

    name: ClassVar[str] = "vote_probe"
    summary: ClassVar[str] = "votes for a copy of the record that the server inserted"
    source: ClassVar[str] = "probe insertion into nearest-neighbour voting (this project)"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("VOTE",)

    def guess(self, view: View) -> Guess:
        """A score for every candidate; 0 for one that was never put to the vote."""
        world = Room(view)
        found = [b for b in ballots(view.transcript) if not b.farthest]
        seen: dict[str, list[float]] = {one.id: [] for one in view.candidates}
        for ballot in found:
            cells, surprises = {text: i for i, text in reversed([*enumerate(ballot.texts)])}, world.surprises(ballot)
            for one in view.candidates:
                if ballot.party in (one.party, SUM) and one.text in cells:
                    seen[one.id].append(float(surprises[cells[one.text]]))
        return {name: sum(values) / max(len(values), 1) ** 0.5 for name, values in seen.items()}


class TopVoted(Attack):
    """Baseline: largest cosine of a candidate to the texts its party voted for most."""

    name: ClassVar[str] = "top_voted"
    summary: ClassVar[str] = "cosine of the record to the texts with most votes"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("VOTE",)

    def __init__(self, *, most: int = 25) -> None:
        self.most = most

    def guess(self, view: View) -> Guess:
        """A score for every candidate, over all rounds."""
        found = [b for b in ballots(view.transcript) if not b.farthest]
        points = unit(embeddings(view, [one.text for one in view.candidates]))
        scores = np.full(len(points), -1.0)
        for ballot in found:
            top = np.argsort(-ballot.votes, kind="stable")[: self.most]
            near = (points @ unit(embeddings(view, [ballot.texts[i] for i in top])).T).max(1)
            mine = np.array([ballot.party in (one.party, SUM) for one in view.candidates])
            scores = np.where(mine, np.maximum(scores, near), scores)
        return {one.id: float(score) for one, score in zip(view.candidates, scores, strict=True)}


def unit(vectors: Floats) -> Floats:
    """Rows scaled to length 1."""
    found: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    return found
