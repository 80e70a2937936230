"""Background of votes: candidates, auxiliary records, the voting rule and known noise, the same for every run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attacks.toolkit.readers.votes import Ballot, noise_of, rule_of
from attacks.toolkit.view import auxiliary_embeddings, embeddings, party_count
from attacks.toolkit.vote_likelihood import Background, estimated, vote_llr
from attacks.toolkit.voting import vote_vectors
from harness.attack import SUM, Floats, Ints

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["Group", "VoteBackground"]


@dataclass(frozen=True)
class Group:
    """Candidates (``rows``) and texts (``cells``) of one class, with the votes between them."""

    rows: Ints
    cells: Ints
    votes: Floats
    """Votes of the candidates ``[rows, cells]``."""
    background: Background
    """Expected of everyone else who voted."""


class VoteBackground:
    """Scores of candidates by any ballot."""

    def __init__(self, view: View) -> None:
        self.view, self.rule = view, rule_of(view.public)
        self.points = embeddings(view, [one.text for one in view.candidates])
        self.owners = [one.party for one in view.candidates]
        self.marks = [str(one.label) for one in view.candidates]
        self.known, self.classes = auxiliary_embeddings(view)
        laws = [law.scale**2 for law in view.defense.laws if law.name == "gaussian"]
        self.declared = float(np.sqrt(sum(laws))) if laws else None
        self.parties = party_count(view.public)

    def ratios(self, cast: Sequence[Ballot]) -> Floats:
        """Log-likelihood ratio ``[c]`` of every candidate, summed over one party's ballots."""
        total, sigma = np.zeros(len(self.points)), self.sigma(cast)
        for ballot in cast:
            for group in self.groups(ballot):
                total[group.rows] += vote_llr(group.votes, ballot.votes[group.cells], group.background, sigma)
        return total

    def surprises(self, ballot: Ballot) -> Floats:
        """Votes ``[n]`` of every cell beyond what the auxiliary records let expect, in standard deviations."""
        sigma, surprises = self.sigma([ballot]), np.zeros(len(ballot.votes))
        for group in self.groups(ballot):
            spread = np.sqrt(group.background.variance + sigma**2)
            surprises[group.cells] = (ballot.votes[group.cells] - group.background.mean) / np.maximum(spread, 1e-3)
        return surprises

    def groups(self, ballot: Ballot) -> Iterator[Group]:
        """The classes of a ballot, or all of it at once where records vote across classes."""
        texts = embeddings(self.view, list(ballot.texts))
        for kind in dict.fromkeys(ballot.labels) if self.rule.by_class else (None,):
            cells, rows, rest = (_of(marks, kind) for marks in (ballot.labels, self.marks, self.classes))
            if not len(cells) or not len(rest):
                continue
            weights, far = self.rule.weights, ballot.farthest
            votes, others = (
                vote_vectors(points, texts[cells], weights, farthest=far)
                for points in (self.points[rows], self.known[rest])
            )
            voters = max(round(float(ballot.votes[cells].sum()) / sum(weights[: len(cells)])), 1)
            yield Group(rows, cells, votes, estimated(others, voters))

    def sigma(self, cast: Sequence[Ballot]) -> float:
        """Noise of one party's ballots: declared, or what fell below zero; none to an oblivious attacker."""
        if not self.view.adaptive:
            return 0.0
        if self.declared is None:
            return noise_of([ballot.votes for ballot in cast])
        summed = bool(cast) and cast[0].party == SUM
        return self.declared * float(np.sqrt(self.parties if summed else 1))


def _of(marks: Sequence[str], kind: str | None) -> Ints:
    """Places of ``kind``; of None, all."""
    return np.flatnonzero([kind is None or mark == kind for mark in marks])
