"""Membership from votes by an attacker who knows all other records: the case that differential privacy bounds.

A histogram holds, beyond everyone else's votes, the candidate's vote or nothing, and noise. The attack's power is then
known in closed form (:func:`attacks.toolkit.vote_likelihood.expected_auc`), and an attack with an estimated background
has that much at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from attacks.toolkit.readers.votes import Ballot, ballots
from attacks.toolkit.view import embeddings
from attacks.toolkit.vote_background import VoteBackground
from attacks.toolkit.vote_likelihood import exact, summed_llr
from attacks.toolkit.voting import vote_vectors
from harness.attack import SUM, Attack, Floats, VoteFacts

if TYPE_CHECKING:
    from harness.attack import Candidate, Facts, Guess, View

__all__ = ["ExactVoteRatio"]

Voter = tuple[str, str]
"""Text and label."""


class ExactVoteRatio(Attack):
    """Log-likelihood ratio that a candidate's vote is in the histograms, all other votes being known.

    Near and far votes of all rounds are summed; the others are those of the candidate's party or, where only sums are
    seen, of all parties. The adaptive variant divides by the declared noise, or what falls below zero. The oblivious
    one takes histograms as exact: the same order, since the noise of all cells is alike, but no likelihood.
    """

    name: ClassVar[str] = "vote_ratio_exact"
    summary: ClassVar[str] = "likelihood ratio of the histogram, all other records known (a worst case, never ranked)"
    source: ClassVar[str] = (
        "Gaussian test of Dong et al. 2022; informed adversary of Balle, Cherubin, Hayes 2022, section II"
    )
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("VOTE",)
    informed: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (VoteFacts,)

    def guess(self, view: View) -> Guess:
        """A score for every candidate; 0 where nobody voted."""
        background, everyones = VoteBackground(view), ballots(view.transcript)
        others = {one.id: _voters(view, one.id) for one in view.candidates}
        everyone = (voter for parties in others.values() for voters in parties.values() for voter in voters)
        roll = _Roll(background, [*map(_voter, view.candidates), *everyone])
        scores: dict[str, float] = {}
        for party in dict.fromkeys(one.party for one in view.candidates):
            cast = [ballot for ballot in everyones if ballot.party in (party, SUM)]
            sigma = background.sigma(cast)
            asked = [one for one in view.candidates if one.party == party]
            scores |= {one.id: roll.ratio(one, others[one.id], cast, sigma) for one in asked}
        return {one.id: scores[one.id] for one in view.candidates}


class _Roll:
    """Everyone who may have voted, each once, with the votes of all of them in a ballot, recomputed once."""

    def __init__(self, background: VoteBackground, voters: Iterable[Voter]) -> None:
        self.place = {voter: row for row, voter in enumerate(dict.fromkeys(voters))}
        self.view, self.rule = background.view, background.rule
        self.points = embeddings(background.view, [text for text, _ in self.place])
        self._votes: dict[tuple[tuple[str, ...], tuple[str, ...], bool], Floats] = {}

    def ratio(
        self, candidate: Candidate, others: Mapping[str, Sequence[Voter]], cast: Sequence[Ballot], sigma: float
    ) -> float:
        """Log-likelihood ratio over ``cast``, ballots of the candidate's party or of the sum over all parties."""
        if not cast:
            return 0.0
        place = self.place[_voter(candidate)]
        own, rest = self._rows([others[candidate.party]]), self._rows(others.values())
        known = [exact(self._of(b)[rest if b.party == SUM else own].sum(0)) for b in cast]
        votes = [self._of(ballot)[place : place + 1] for ballot in cast]
        return float(summed_llr(votes, [ballot.votes for ballot in cast], known, sigma)[0])

    def _rows(self, groups: Iterable[Sequence[Voter]]) -> list[int]:
        return [self.place[voter] for voters in groups for voter in voters]

    def _of(self, ballot: Ballot) -> Floats:
        """Votes ``[voters, n]``; parties that are asked about the same texts share them."""
        key = ballot.texts, ballot.labels, ballot.farthest
        if key not in self._votes:
            texts = embeddings(self.view, list(ballot.texts))
            classes = ([label for _, label in self.place], ballot.labels) if self.rule.by_class else None
            self._votes[key] = vote_vectors(
                self.points, texts, self.rule.weights, classes=classes, farthest=ballot.farthest
            )
        return self._votes[key]


def _voters(view: View, candidate: str) -> Mapping[str, Sequence[Voter]]:
    return {party: [(r.text, str(r.label)) for r in records] for party, records in view.others(candidate).items()}


def _voter(candidate: Candidate) -> Voter:
    return candidate.text, str(candidate.label)
