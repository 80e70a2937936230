"""Label distribution of every party, from the votes it cast within classes, as an attack on a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.prototype.reading import labels_of, public_parties
from attacks.votes.distribution import distribution
from attacks.votes.reading import ballots, noise_of
from harness.attack import Attack
from harness.coalition import SUM

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["VoteShares"]


class VoteShares(Attack):
    """A party's class shares are those of its votes: exact without noise where records vote within their class.

    The adaptive variant knows the noise; parties of which only the sum is seen get the shares of the sum.
    """

    name: ClassVar[str] = "vote_shares"
    summary: ClassVar[str] = "votes for the texts of each class"
    source: ClassVar[str] = "structure of class-wise voting (Xie et al. 2024, algorithm 1)"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ("VOTE",)

    def guess(self, view: View) -> Guess:
        """Party -> class -> share."""
        labels, found = labels_of(view.public), [b for b in ballots(view.transcript) if not b.farthest]
        seen = {ballot.party for ballot in found}
        shares = {}
        for party in public_parties(view) or seen:
            cast = [b for b in found if b.party == (party if party in seen else SUM)]
            votes, marks = [b.votes for b in cast], [b.labels for b in cast]
            sigma = noise_of(votes) if view.adaptive else 0.0
            if cast:
                shares[party] = distribution(votes, marks, labels, sigma=sigma)
        return shares
