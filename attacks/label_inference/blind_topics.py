"""Blind guess at topic shares: the candidates of each party and the auxiliary records."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.label_inference.expected_records import expected_records
from attacks.label_inference.known_topics import Topics, without_topics
from attacks.toolkit.view import public_parties
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, Public, View

__all__ = ["BlindTopics"]


class BlindTopics(Attack):
    """Without the transcript: half of a party's candidates are in, and its other records have the topics that
    auxiliary records of their class have, in the class shares that the candidates let expect (of natural groups, the
    candidates' topics count as well: :func:`attacks.label_inference.expected_records.expected_records`).

    Candidates' texts are known, so their topics are. A party without candidates gets the auxiliary records' topics.
    """

    name: ClassVar[str] = "blind_topics"
    summary: ClassVar[str] = "topic shares of a party's membership candidates and of the auxiliary records"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "topic_distribution"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True

    def refuses(self, public: Public) -> str | None:
        """A deployment without topics."""
        return without_topics(public) or super().refuses(public)

    def guess(self, view: View) -> Guess:
        """Party -> topic -> share."""
        known, guess = Topics(view), {}
        for party in public_parties(view):
            held = expected_records(view, known, party)
            counts = known.counts([one.text for one in held.candidates]) / 2 + held.others @ held.topics
            guess[party] = known.named(counts / counts.sum())
        return guess
