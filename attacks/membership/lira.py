"""The likelihood-ratio attack (LiRA) of Carlini et al. 2022, "Membership Inference Attacks From First Principles"."""

from __future__ import annotations

from math import sqrt

import numpy as np

from attacks.membership.shadows import Gaussians
from harness.attack import DataError, Floats

__all__ = ["cooperative", "expected_auc", "expected_tpr", "offline", "online"]

FEW = 16
"""Below so many other parties, the spread of their scores is shared by all candidates."""


def online(target: Floats, model: Gaussians) -> Floats:
    """Log-likelihood ratio ``[m]`` of the target's scores: member against non-member (their algorithm 1)."""
    inside = _log_density(target, model.mean_in, model.variance_in + model.doubt)
    return inside - _log_density(target, model.mean_out, model.variance_out + model.doubt)


def offline(target: Floats, model: Gaussians) -> Floats:
    """How many standard deviations ``[m]`` each score lies above its non-member mean (their section V-A).

    The published score is the normal distribution function of this number, which orders records in the same way
    and runs out of digits.
    """
    spread = np.sqrt(model.variance_out + model.doubt)
    return np.asarray((target - model.mean_out) / spread, dtype=np.float64)


def cooperative(scores: Floats, target: int) -> Floats:
    """The same test ``[m]`` without shadows: all other parties play the models that never saw the record.

    ``scores [parties, m]``; ``target`` is a row. With few parties the spread is pooled over candidates
    (Co-op LiRA of Shi et al. 2025).

    Raises:
        DataError: fewer than three parties, so that the others have no spread.
    """
    others = np.delete(scores, target, axis=0)
    if len(others) < 2:
        raise DataError(f"co-op LiRA compares with other parties: {len(scores)} parties are too few, it needs 3")
    spread = others.var(0, ddof=1)
    if len(others) < FEW:
        spread = np.full(len(spread), spread.mean())
    return np.asarray((scores[target] - others.mean(0)) / np.sqrt(spread + 1e-12), dtype=np.float64)


def expected_auc(power: float) -> float:
    """AUC of the likelihood ratio where membership moves a Gaussian by ``power`` standard deviations."""
    from scipy.special import ndtr

    return float(ndtr(power / sqrt(2)))


def expected_tpr(power: float, alpha: float) -> float:
    """Its true positive rate at false positive rate ``alpha``."""
    from scipy.special import ndtr, ndtri

    return float(ndtr(power + ndtri(alpha)))


def _log_density(values: Floats, mean: Floats, variance: Floats) -> Floats:
    return np.asarray(-0.5 * (values - mean) ** 2 / variance - 0.5 * np.log(variance), dtype=np.float64)
