"""Membership by the similarity of a record to the texts that got most votes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.readers.votes import ballots
from attacks.toolkit.view import embeddings
from harness.attack import SUM, Attack, Floats

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["TopVoted"]


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
        near_ballots = [b for b in ballots(view.transcript) if not b.farthest]
        points = unit(embeddings(view, [one.text for one in view.candidates]))
        scores = np.full(len(points), -1.0)
        for ballot in near_ballots:
            top = np.argsort(-ballot.votes, kind="stable")[: self.most]
            near = (points @ unit(embeddings(view, [ballot.texts[i] for i in top])).T).max(1)
            concerned = np.array([ballot.party in (one.party, SUM) for one in view.candidates])
            scores = np.where(concerned, np.maximum(scores, near), scores)
        return {one.id: float(score) for one, score in zip(view.candidates, scores, strict=True)}


def unit(vectors: Floats) -> Floats:
    """Rows scaled to length 1."""
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    return scaled
