"""Topic shares of every party, from its votes: by the topics of texts, or by the votes of topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.expected_records import ExpectedRecords, expected_records
from attacks.label_inference.known_topics import Topics, without_topics
from attacks.label_inference.vote_distribution import distribution, onto_simplex
from attacks.label_inference.vote_topics.linear import VoteMoments, adjusted, crowd, leaning, maybe, of_one
from attacks.toolkit.readers.votes import Ballot, ballots
from attacks.toolkit.view import embeddings, labels_of, public_parties
from attacks.toolkit.vote_background import VoteBackground
from attacks.toolkit.voting import vote_vectors
from harness.attack import SUM, Attack, Floats, PopulationFacts, VoteFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Public, View

__all__ = ["VoteTopics"]


class VoteTopics(Attack):
    """A party's topic shares.

    Oblivious: those of the texts that it voted for, exact where records vote within their topic. Adaptive: the topic
    counts best linearly explained by the histograms, near and far, of all rounds (:mod:`.linear`), given what is
    expected of the party (:mod:`..expected_records`), what each of its candidates would vote, what auxiliary records of
    each class and topic vote, and the noise. Under noise that drowns all votes it is the blind guess. Where only sums
    are seen the oblivious guess is that of the sum; the adaptive one is of the party, by its own part of the sum's
    variance.
    """

    name: ClassVar[str] = "vote_topics"
    summary: ClassVar[str] = "topics that explain the votes best"
    source: ClassVar[str] = "mixture of votes by topic, solved as in Goldstein and Wooff 2007, chapter 3 (this project)"
    secret: ClassVar[str] = "topic_distribution"
    reads: ClassVar[tuple[str, ...]] = ("VOTE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (
        PopulationFacts,
        VoteFacts,
    )

    def refuses(self, public: Public) -> str | None:
        """A deployment without topics."""
        return without_topics(public) or super().refuses(public)

    def guess(self, view: View) -> Guess:
        """Party -> topic -> share; parties of which nothing is seen are left out."""
        everyones, known = ballots(view.transcript), Topics(view)
        solver = _Solver(view, known) if view.adaptive else None
        guess = {}
        for party in public_parties(view):
            cast = [b for b in everyones if b.party == party] or [b for b in everyones if b.party == SUM]
            if cast:
                guess[party] = solver.shares(party, cast) if solver else _of_texts(cast, known)
        return guess


def _of_texts(cast: Sequence[Ballot], known: Topics) -> dict[str, float]:
    """Shares of the near votes by topic of the texts they are for."""
    near = [ballot for ballot in cast if not ballot.farthest]
    marks = [[known.names[t] for t in known.of(ballot.texts)] for ballot in near]
    return dict(distribution([ballot.votes for ballot in near], marks, known.names))


class _Solver:
    """Laws of voters; the rows of candidates come first, those of auxiliary records after them."""

    def __init__(self, view: View, known: Topics) -> None:
        self.view, self.known, self.background = view, known, VoteBackground(view)
        self.labels = labels_of(view.public)
        self.marks = [*self.background.marks, *self.background.classes]
        self.points = np.concatenate(
            [self.background.points.reshape(-1, self.background.known.shape[1]), self.background.known]
        )
        self.topics = np.eye(len(known.names))[known.nearest(self.points)]

    def shares(self, party: str, cast: Sequence[Ballot]) -> dict[str, float]:
        """Topic -> share."""
        rows = np.concatenate([self.topics, *(self._votes(ballot) for ballot in cast)], axis=1)
        seen, sigma = np.concatenate([ballot.votes for ballot in cast]), self.background.sigma(cast)
        voters = public_parties(self.view) if cast[0].party == SUM else (party,)
        before = self._before(rows, voters)
        about = before[party]
        total = sum((before[other] for other in voters if other != party), about)
        return self.known.named(_normal(adjusted(about, total, seen, sigma), about.mean))

    def _before(self, rows: Floats, voters: Sequence[str]) -> dict[str, VoteMoments]:
        """Topic counts and votes of the records of every one of ``voters`` before anything is seen."""
        held = {party: expected_records(self.view, self.known, party) for party in voters}
        draws = np.sum([one.others for one in held.values()], axis=0)
        kinds = [self._kind(rows, label, count) for label, count in zip(self.labels, draws, strict=True)]
        return {
            party: maybe(rows[: len(self.background.owners)][[owner == party for owner in self.background.owners]])
            + crowd([_law(one, c, *kind) for c, kind in enumerate(kinds)], one.others, one.spread)
            for party, one in held.items()
        }

    def _kind(self, rows: Floats, label: str, draws: float) -> tuple[Floats, Floats]:
        """Topics and votes of one of ``draws`` records of a class that are no candidates of their party: mean of each
        topic ``[K, m]``, and covariance. A topic without records of the class votes as the class does.
        """
        chosen = np.array([mark == label for mark in self.marks])
        some = rows[chosen] if chosen.any() else rows
        topics = some[:, : self.topics.shape[1]]
        sums, counts = topics.T @ some, topics.sum(0)[:, None]
        means = np.where(counts > 0, sums / np.maximum(counts, 1), some.mean(0))
        means[:, : topics.shape[1]] = np.eye(topics.shape[1])
        return means, of_one(some, draws)

    def _votes(self, ballot: Ballot) -> Floats:
        """Votes ``[rows, n]`` by the public rule."""
        rule, classes = self.background.rule, (self.marks, ballot.labels)
        return vote_vectors(
            self.points,
            embeddings(self.view, ballot.texts),
            rule.weights,
            classes=classes if rule.by_class else None,
            farthest=ballot.farthest,
        )


def _law(held: ExpectedRecords, place: int, means: Floats, covariance: Floats) -> VoteMoments:
    """Law of one of a party's records of the class in that place, whose topic shares may be the party's own."""
    shares, free = held.topics[place], held.others[place] * held.freedom[place]
    return VoteMoments(shares @ means, covariance + free * leaning(means, shares))


def _normal(counts: Floats, expected: Floats) -> Floats:
    """The nearest shares; the expected ones where the estimate leaves no record at all."""
    usable = counts if counts.sum() > 0 else expected[: len(counts)]
    return onto_simplex(usable / usable.sum())
