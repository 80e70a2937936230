"""What an attacker expects a party to hold before any vote: candidates, each by the toss of a coin, and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attacks.label_distribution.blind import candidate_counts
from attacks.prototype.reading import labels_of
from attacks.votes.known_topics import Topics
from attacks.votes.shares import prior_of
from harness.attack import Floats

if TYPE_CHECKING:
    from harness.attack import Candidate, Public, View

__all__ = ["Holding", "holding"]


@dataclass(frozen=True)
class Holding:
    """A party's records as far as they are public."""

    candidates: tuple[Candidate, ...]
    """Each in with probability 1/2."""
    others: Floats
    """Expected number of all other records of each class ``[C]``."""
    spread: Floats
    """Covariance of these numbers ``[C, C]``."""
    topics: Floats
    """Their expected topic shares in each class ``[C, K]``."""
    freedom: Floats
    """How far a party's own topic shares may be off in each class ``[C]``: 1 / (1 + Dirichlet concentration)."""


def holding(view: View, known: Topics, party: str) -> Holding:
    """As many records as all have on average, in the class shares that division and candidates let expect.

    Records that are divided by label alone have in every class the topics of auxiliary records; of natural groups a
    party has some, and its topics vary around those as they do between groups of auxiliary records.

    The covariance is that of Dirichlet shares of a size which varies independently of them: so it is of Gamma variables
    (Devroye 1986, Non-Uniform Random Variate Generation, chapter XI.4), which equal classes cut among many clients are.
    """
    mine = tuple(one for one in view.candidates if one.party == party)
    labels, asked = labels_of(view.public), candidate_counts(view, party)
    law = prior_of(view.public, labels).concentration + np.array([float(asked[label]) for label in labels])
    shares, whole = law / law.sum(), _size(view.public)
    count = max(whole - len(mine) / 2, 0.0)
    topics, freedom = _topics(view, known, mine)
    within = count**2 * (np.diag(shares) - np.outer(shares, shares)) / (law.sum() + 1)
    spread = within + _size_variance(view.public, whole) * np.outer(shares, shares)
    return Holding(mine, count * shares, spread, topics, freedom)


def _topics(view: View, known: Topics, mine: Sequence[Candidate]) -> tuple[Floats, Floats]:
    """Expected topic shares ``[C, K]`` of the other records, and how far they may be off ``[C]``."""
    labels = labels_of(view.public)
    usual = np.stack([known.usual(label) for label in labels])
    if view.public.facts.get("partition", "dirichlet") == "dirichlet":
        return usual, np.zeros(len(labels))
    asked = [known.counts([one.text for one in mine if one.label == label]) for label in labels]
    law = known.concentration() * usual + asked
    return law / law.sum(1, keepdims=True), 1 / (law.sum(1) + 1)


def _size(public: Public) -> float:
    return float(public.facts.get("records", len(public.auxiliary))) / max(len(public.facts.get("parties", ())), 1)


def _size_variance(public: Public, size: float) -> float:
    """Of a party's number of records, where each of C classes is cut in L parts of Dirichlet(alpha, ...)."""
    spread = prior_of(public, labels_of(public)).concentration.sum()
    classes, parties = len(labels_of(public)), max(len(public.facts.get("parties", ())), 1)
    return float(size**2 * (parties - 1) / (parties * spread / classes + 1) / classes)
