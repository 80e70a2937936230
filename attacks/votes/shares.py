"""Label distribution of every party, from the votes it cast within classes, as an attack on a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.reading import numpy_rng
from attacks.prototype.reading import labels_of, public_parties
from attacks.votes.distribution import Prior, distribution, posterior_shares
from attacks.votes.reading import ballots, noise_of, rule_of
from harness.attack import SUM, Attack

if TYPE_CHECKING:
    from harness.attack import Guess, Public, View

__all__ = ["VoteShares", "prior_of"]


class VoteShares(Attack):
    """A party's class shares are those of its votes: exact without noise where records vote within their class.

    The adaptive variant knows the noise and how records are divided among parties (:func:`posterior_shares`); parties
    of which only the sum is seen get the shares of the sum.
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
            name = party if party in seen else SUM
            cast = [b for b in found if b.party == name]
            votes, marks = [b.votes for b in cast], [b.labels for b in cast]
            sigma = noise_of(votes) if view.adaptive else 0.0
            if cast and sigma > 0:
                prior = prior_of(view.public, labels, everyone=name == SUM)
                shares[party] = posterior_shares(votes, marks, labels, sigma=sigma, prior=prior, rng=numpy_rng(view))
            elif cast:
                shares[party] = distribution(votes, marks, labels)
        return shares


def prior_of(public: Public, labels: Sequence[str], *, everyone: bool = False) -> Prior:
    """Auxiliary shares, spread as the public division of records spreads them; half a record added to each class."""
    facts, own = public.facts, [record.label for record in public.auxiliary]
    base = np.array([own.count(label) + 0.5 for label in labels]) / (len(own) + 0.5 * len(labels))
    clients = len(facts.get("parties", ())) or 1
    alpha = float(facts.get("alpha", 1.0)) if facts.get("partition", "dirichlet") == "dirichlet" else 1.0
    total = float(facts.get("records", len(own))) * sum(rule_of(public).weights)
    spread = alpha * len(labels)
    return Prior(spread * (clients if everyone else 1) * base, total if everyone else total / clients)
