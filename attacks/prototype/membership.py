"""Was a record in the class whose mean was released? The likelihood ratio of a mean release, and the cosine baseline.

A prototype of n records with embeddings of mean mu and covariance Sigma, sent with noise of covariance N, is

    without the candidate x   N(mu,               Sigma / n           + N)
    with it                   N(mu + (x - mu) / n, Sigma (n - 1) / n^2 + N)

(tracing attacks on released means: Dwork et al. 2015, "Robust traceability from trace amounts"; the optimal test is
the ratio of the two densities). With equal covariances its power is that of a Gaussian shift by
``|x - mu|_(S^-1) / n``, about ``sqrt(d / n)`` without noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from attacks.prototype.moments import Moments, principal
from harness.attack import DataError, Floats

__all__ = ["ReleaseTest", "averaged_llr", "cosine_scores", "expected_auc", "mean_release_llr", "summed_llr"]

FLOOR = 1e-4
"""Part of the covariance that stays where a release is fully explained (n = 1, no noise): rounding, other kernels."""

SMALLEST = 1e-12
"""Least variance along an axis, as a part of the largest: directions in which embeddings do not vary."""


@dataclass(frozen=True)
class ReleaseTest:
    """The test in coordinates that diagonalise Sigma and N at once: densities differ by the same there."""

    mean: Floats
    basis: Floats
    """``[d, d]``: columns are the axes."""
    spread: Floats
    """Variance ``[d]`` of one record along each axis."""
    noise: Floats
    """Variance ``[d]`` of the noise along each axis."""

    @classmethod
    def of(cls, model: Moments, noise: Floats | float = 0.0) -> ReleaseTest:
        """The test of a class; ``noise`` is a variance (isotropic), or a covariance ``[d, d]`` of full rank."""
        from scipy.linalg import eigh

        if np.ndim(noise) == 0:
            spread, basis = principal(model.covariance)
            added = np.full(len(spread), float(noise))
        else:
            spread, basis = eigh(model.covariance, noise)
            added = np.ones(len(spread))
        return cls(model.mean, basis, np.maximum(spread, SMALLEST * spread.max()), added)

    def llr(self, candidates: Floats, release: Floats, count: float, scale: float = 1.0) -> Floats:
        """Log-likelihood ratio ``[m]`` that each of ``candidates [m, d]`` is one of the ``count`` in ``release [d]``.

        ``scale`` multiplies the noise's covariance. Raises DataError where the count is below 1 or shapes do not fit.
        """
        _check(candidates, release, count, self.mean)
        without = self.spread / count + scale * self.noise
        with_ = self.spread * (count - 1) / count**2 + scale * self.noise + FLOOR * without
        away = (release - self.mean) @ self.basis
        left = away - (candidates - self.mean) @ self.basis / count
        constant = 0.5 * (away**2 / without + np.log(without / with_)).sum()
        ratio: Floats = constant - 0.5 * (left**2 / with_).sum(1)
        return ratio


def mean_release_llr(
    candidates: Floats, release: Floats, count: float, model: Moments, noise: Floats | float = 0.0
) -> Floats:
    """:meth:`ReleaseTest.llr` of one release of a class; n is known, sent, or inferred."""
    return ReleaseTest.of(model, noise).llr(candidates, release, count)


def summed_llr(
    candidates: Sequence[Floats],
    releases: Sequence[Floats],
    counts: Sequence[float],
    models: Sequence[Moments],
    noise: Floats | float = 0.0,
) -> Floats:
    """Ratios summed over rounds whose releases are independent (a training model, dropout): one entry per round."""
    rounds = zip(candidates, releases, counts, models, strict=True)
    total: Floats = np.sum([mean_release_llr(x, p, n, model, noise) for x, p, n, model in rounds], axis=0)
    return total


def averaged_llr(candidates: Floats, releases: Floats, count: float, model: Moments, noise: float) -> Floats:
    """The exact ratio where ``releases [R, d]`` are the *same* mean under fresh isotropic noise of variance ``noise``.

    The rounds' average is sufficient: its noise has variance ``noise / R``, the records behind it are drawn once.
    """
    return mean_release_llr(candidates, releases.mean(0), count, model, noise / len(releases))


def cosine_scores(candidates: Floats, release: Floats) -> Floats:
    """Baseline: cosine similarity ``[m]`` of each candidate to the release."""
    norms = np.linalg.norm(candidates, axis=1) * np.linalg.norm(release)
    scores: Floats = candidates @ release / np.maximum(norms, 1e-30)
    return scores


def expected_auc(dimensions: float, count: float) -> float:
    """AUC of the likelihood ratio on Gaussian embeddings without noise, ``Phi(sqrt(d / n) / sqrt 2)``."""
    from scipy.special import ndtr

    return float(ndtr(sqrt(dimensions / count) / sqrt(2)))


def _check(candidates: Floats, release: Floats, count: float, mean: Floats) -> None:
    problems = []
    if candidates.ndim != 2 or release.shape != candidates.shape[1:] or mean.shape != release.shape:
        problems.append(
            f"candidates {list(candidates.shape)}, release {list(release.shape)} and class mean "
            f"{list(mean.shape)} do not fit [m, d], [d], [d]"
        )
    if not count >= 1:
        problems.append(f"a prototype of {count} records: a mean needs at least 1")
    if problems:
        raise DataError("mean release: " + "; ".join(problems))
