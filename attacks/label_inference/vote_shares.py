"""Class shares of every party, from the votes it cast within classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.expected_records import Prior, prior_of
from attacks.label_inference.vote_distribution import class_masses, distribution
from attacks.toolkit.readers.votes import ballots, noise_of
from attacks.toolkit.view import labels_of, numpy_rng, public_parties
from harness.attack import SUM, Attack, Floats, PopulationFacts, VoteFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["VoteShares", "posterior_shares"]


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
    needs: ClassVar[tuple[type[Facts], ...]] = (
        PopulationFacts,
        VoteFacts,
    )

    def guess(self, view: View) -> Guess:
        """Party -> class -> share."""
        labels, near = labels_of(view.public), [b for b in ballots(view.transcript) if not b.farthest]
        seen = {ballot.party for ballot in near}
        shares = {}
        for party in public_parties(view) or seen:
            name = party if party in seen else SUM
            cast = [b for b in near if b.party == name]
            votes, marks = [b.votes for b in cast], [b.labels for b in cast]
            sigma = noise_of(votes) if view.adaptive else 0.0
            if cast and sigma > 0:
                prior = prior_of(view.public, labels, everyone=name == SUM)
                shares[party] = posterior_shares(votes, marks, labels, sigma=sigma, prior=prior, rng=numpy_rng(view))
            elif cast:
                shares[party] = distribution(votes, marks, labels)
        return shares


DRAWS = 4000
FACTORS = (0.0, 0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0)
"""Ratios of a party's total votes to the usual total."""


def posterior_shares(
    histograms: Sequence[Floats],
    marks: Sequence[Sequence[str]],
    classes: Sequence[str],
    *,
    sigma: float,
    prior: Prior,
    rng: np.random.Generator,
) -> Mapping[str, float]:
    """Class shares under noise of standard deviation ``sigma`` in every cell: their posterior mean.

    Shares are drawn from the prior and weighed by the likelihood of the masses, which are Gaussian around the party's
    total votes times its shares; a class has variance ``sigma^2`` for each of its cells. The total is unknown: it is
    ``prior.total`` times a factor from a fixed list, of which zero stands for votes that say nothing.
    """
    masses = class_masses(histograms, marks, classes).mean(0)
    cells = np.mean([[list(m).count(name) for name in classes] for m in marks], axis=0)
    variance = sigma**2 * np.maximum(cells, 1) / len(histograms)
    shares = rng.dirichlet(np.maximum(prior.concentration, 1e-3), DRAWS)
    fitted = prior.total * np.array(FACTORS)[:, None, None] * shares
    log = -0.5 * ((masses - fitted) ** 2 / variance).sum(-1)
    weights = np.exp(log - log.max()).sum(0)
    return dict(zip(classes, (weights @ shares / weights.sum()).tolist(), strict=True))
