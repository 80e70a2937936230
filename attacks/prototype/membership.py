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
from math import sqrt

import numpy as np

from attacks.prototype.moments import Moments
from harness.errors import DataError
from harness.score.statistic import Floats

__all__ = ["averaged_llr", "cosine_scores", "expected_auc", "mean_release_llr", "summed_llr"]

FLOOR = 1e-4
"""Part of the covariance that stays where a release is fully explained (n = 1, no noise): rounding, other kernels."""


def mean_release_llr(
    candidates: Floats, release: Floats, count: float, model: Moments, noise: Floats | float = 0.0
) -> Floats:
    """Log-likelihood ratio ``[m]`` that each of ``candidates [m, d]`` is among the records averaged in ``release [d]``.

    ``count`` is the number of records n (known, sent, or inferred). ``noise`` is the covariance of what was added to
    the mean: a variance for isotropic noise, or ``[d, d]``.

    Raises:
        DataError: ``count`` is below 1, or shapes do not fit.
    """
    _check(candidates, release, count, model)
    added = _covariance(noise, len(release))
    without = model.covariance / count + added
    with_ = model.covariance * (count - 1) / count**2 + added + FLOOR * without
    shifted = release - model.mean - (candidates - model.mean) / count
    return _log_density(shifted, with_) - _log_density((release - model.mean)[None], without)


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


def _covariance(noise: Floats | float, size: int) -> Floats:
    given = np.asarray(noise, dtype=np.float64)
    return given * np.eye(size) if given.ndim == 0 else given


def _log_density(residuals: Floats, covariance: Floats) -> Floats:
    """Log-density ``[m]`` of a centred Gaussian at ``residuals [m, d]``, without the constant."""
    from scipy.linalg import cholesky, solve_triangular

    size = len(covariance)
    factor = cholesky(covariance + 1e-12 * np.trace(covariance) / size * np.eye(size), lower=True)
    white = solve_triangular(factor, residuals.T, lower=True)
    density: Floats = -0.5 * (white**2).sum(0) - np.log(np.diag(factor)).sum()
    return density


def _check(candidates: Floats, release: Floats, count: float, model: Moments) -> None:
    problems = []
    if candidates.ndim != 2 or release.shape != candidates.shape[1:] or model.mean.shape != release.shape:
        problems.append(
            f"candidates {list(candidates.shape)}, release {list(release.shape)} and class mean "
            f"{list(model.mean.shape)} do not fit [m, d], [d], [d]"
        )
    if not count >= 1:
        problems.append(f"a prototype of {count} records: a mean needs at least 1")
    if problems:
        raise DataError("mean_release_llr: " + "; ".join(problems))
