"""Bayes linear estimation: what a histogram of votes says of its voters, by means and covariances alone.

A voter is a row of what is asked (its topic, one hot) and what is seen (its votes). A party's rows sum to its topic
counts and its histogram. Given the histogram, the counts are their mean plus Cov(asked, seen) Var(seen)^-1 (seen -
mean): of all linear estimates that of least mean squared error, whatever the laws (Goldstein and Wooff 2007, Bayes
Linear Statistics, chapter 3). It is a mixture of expected votes that is solved for its proportions, with the sampling
of voters, what is known of some of them, and noise all in the variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.attack import Floats

__all__ = ["Moments", "adjusted", "crowd", "leaning", "maybe", "of_one"]

FLOOR = 1e-6
"""Least variance of a cell: a histogram without noise leaves no doubt, but finite numbers."""


@dataclass(frozen=True)
class Moments:
    """Mean ``[m]`` and covariance ``[m, m]`` of a random vector."""

    mean: Floats
    covariance: Floats

    def __add__(self, other: Moments) -> Moments:
        """Of the sum with an independent vector."""
        return Moments(self.mean + other.mean, self.covariance + other.covariance)


def maybe(rows: Floats) -> Moments:
    """Of the sum of ``rows [r, m]`` of which each is there with probability 1/2."""
    return Moments(rows.sum(0) / 2, rows.T @ rows / 4)


def of_one(rows: Floats, draws: float) -> Floats:
    """Covariance ``[m, m]`` of each of ``draws`` draws whose sum is seen, by a sample ``rows [r, m]`` of the same law.

    There may be more cells than rows, so the covariance is shrunk towards equal variances (Ledoit and Wolf 2004, A
    well-conditioned estimator for large-dimensional covariance matrices). The error of the sample's mean is common to
    all draws: the sum has ``draws * (1 + draws / r)`` times the covariance of one.
    """
    from sklearn.covariance import ledoit_wolf

    found: Floats = ledoit_wolf(rows)[0] * (1 + draws / len(rows))
    return found


def leaning(means: Floats, shares: Floats) -> Floats:
    """Covariance ``[m, m]`` of a draw's mean, one of ``means [K, m]`` by ``shares [K]``."""
    found: Floats = means.T @ (np.diag(shares) - np.outer(shares, shares)) @ means
    return found


def crowd(laws: Sequence[Moments], counts: Floats, spread: Floats) -> Moments:
    """Of the sum of a random number of draws from each of C laws: expected ``counts [C]``, covariance ``spread``."""
    means = np.stack([law.mean for law in laws])
    inside = np.sum([count * law.covariance for count, law in zip(counts, laws, strict=True)], axis=0)
    return Moments(counts @ means, inside + means.T @ spread @ means)


def adjusted(about: Moments, total: Moments, seen: Floats, sigma: float) -> Floats:
    """Estimate ``[k]`` of what is asked, the first k coordinates of ``about``, given ``seen [m - k]``.

    ``total`` is the law of the sum of which the other coordinates were seen, with noise of standard deviation ``sigma``
    in each: ``about`` itself, or that and independent vectors.
    """
    asked = len(about.mean) - len(seen)
    variance = total.covariance[asked:, asked:] + (sigma**2 + FLOOR) * np.eye(len(seen))
    shift = np.linalg.solve(variance, seen - total.mean[asked:])
    found: Floats = about.mean[:asked] + about.covariance[:asked, asked:] @ shift
    return found
