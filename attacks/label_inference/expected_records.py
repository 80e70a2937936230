"""Records that a party is expected to hold before any vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attacks.label_inference.known_topics import Topics
from attacks.toolkit.candidates import candidate_counts
from attacks.toolkit.view import labels_of, party_count, population_of
from harness.attack import Floats, VoteFacts

if TYPE_CHECKING:
    from harness.attack import Candidate, Public, View

__all__ = ["ExpectedRecords", "Prior", "expected_records", "prior_of"]


@dataclass(frozen=True)
class ExpectedRecords:
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
    """Possible deviation of a party's own topic shares in each class ``[C]``: 1 / (1 + Dirichlet concentration)."""


def expected_records(view: View, known: Topics, party: str) -> ExpectedRecords:
    """As many records as all have on average, in the class shares that division and candidates let expect.

    Records that are divided by label alone have in every class the topics of auxiliary records; of natural groups a
    party has some, and its topics vary around those as they do between groups of auxiliary records.

    The covariance is that of Dirichlet shares of a size which varies independently of them: so it is of Gamma variables
    (Devroye 1986, Non-Uniform Random Variate Generation, chapter XI.4), which equal classes cut among many clients are.
    """
    candidates = tuple(one for one in view.candidates if one.party == party)
    labels, asked = labels_of(view.public), candidate_counts(view, party)
    law = prior_of(view.public, labels).concentration + np.array([float(asked[label]) for label in labels])
    shares, whole = law / law.sum(), _size(view.public)
    count = max(whole - len(candidates) / 2, 0.0)
    topics, freedom = _topics(view, known, candidates)
    within = count**2 * (np.diag(shares) - np.outer(shares, shares)) / (law.sum() + 1)
    spread = within + _size_variance(view.public, whole) * np.outer(shares, shares)
    return ExpectedRecords(candidates, count * shares, spread, topics, freedom)


def _topics(view: View, known: Topics, candidates: Sequence[Candidate]) -> tuple[Floats, Floats]:
    """Expected topic shares ``[C, K]`` of the other records, and how far they may be off ``[C]``."""
    labels = labels_of(view.public)
    usual = np.stack([known.usual(label) for label in labels])
    if population_of(view.public).partition in (None, "dirichlet"):
        return usual, np.zeros(len(labels))
    asked = [known.counts([one.text for one in candidates if one.label == label]) for label in labels]
    law = known.concentration() * usual + asked
    return law / law.sum(1, keepdims=True), 1 / (law.sum(1) + 1)


def _size(public: Public) -> float:
    return _records(public) / party_count(public)


def _records(public: Public) -> float:
    """Records of all parties together; as many as the auxiliary ones where that is not public."""
    known = population_of(public).records
    return float(len(public.auxiliary) if known is None else known)


def _size_variance(public: Public, size: float) -> float:
    """Variance of a party's number of records, where each of C classes is cut in L parts of Dirichlet(alpha, ...)."""
    spread = prior_of(public, labels_of(public)).concentration.sum()
    classes, parties = len(labels_of(public)), party_count(public)
    return float(size**2 * (parties - 1) / (parties * spread / classes + 1) / classes)


@dataclass(frozen=True)
class Prior:
    """Knowledge of a party before it votes."""

    concentration: Floats
    """Concentration of the Dirichlet law of its shares ``[C]``."""
    total: float
    """Votes that a party usually casts in a round; where nobody votes, its records."""


def prior_of(public: Public, labels: Sequence[str], *, everyone: bool = False) -> Prior:
    """Auxiliary shares, spread as the public division of records spreads them; half a record added to each class."""
    population, own = population_of(public), [record.label for record in public.auxiliary]
    base = np.array([own.count(label) + 0.5 for label in labels]) / (len(own) + 0.5 * len(labels))
    clients = party_count(public)
    alpha = population.alpha if population.partition in (None, "dirichlet") and population.alpha is not None else 1.0
    rule = public.facts_of(VoteFacts)
    total = _records(public) * (sum(rule.weights) if rule else 1.0)
    spread = alpha * len(labels)
    return Prior(spread * (clients if everyone else 1) * base, total if everyone else total / clients)
