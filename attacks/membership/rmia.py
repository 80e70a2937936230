"""The relative attack (RMIA) of Zarifzadeh, Liu, Shokri 2024, "Low-Cost High-Power Membership Inference Attacks"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.attack import DataError, Floats, Mask, auc

__all__ = ["SLOPES", "fit_slope", "marginal", "rmia"]

SLOPES = tuple(step / 10 for step in range(11))
"""Values of ``a`` that are tried for the offline attack."""

TINY = 1e-30


def rmia(ratios: Floats, population: Floats, gamma: float = 1.0) -> Floats:
    """Share ``[m]`` of population points that each candidate dominates: ``ratio_x / ratio_z >= gamma``.

    ``ratios [m]`` and ``population [z]`` are ``p(x | target) / p(x)`` of candidates and of points that were surely
    not in the target's data. Ties among few population points are broken by the ratio itself, at less than one
    point's weight, so that the order of candidates is total.

    Raises:
        DataError: no population, or gamma is not positive.
    """
    if not len(population) or gamma <= 0:
        raise DataError(f"rmia: {len(population)} population points, gamma {gamma}; both must be positive")
    dominated = np.searchsorted(np.sort(population), ratios / gamma, side="right")
    return np.asarray((dominated + 0.5 * ratios / (1.0 + ratios)) / len(population), dtype=np.float64)


def marginal(shadows: Floats, members: Mask | None, slope: float | None = None) -> Floats:
    """``p(x)``, ``[m]``: the mean probability of a record over models with and without it, as many of each.

    ``shadows [shadows, m]`` are probabilities of the true label. With ``slope`` None (online) both means come from
    ``members``; otherwise (offline) only models without the record are used, and the mean with it is taken to be
    ``slope * mean_out + 1 - slope``. ``members`` None: no shadow had any of these records.
    """
    outside = np.ones(shadows.shape, dtype=bool) if members is None else ~members
    mean_out = _mean(shadows, outside)
    if slope is not None:
        return 0.5 * ((1 + slope) * mean_out + 1 - slope) + TINY
    if members is None:
        return mean_out + TINY
    return 0.5 * (_mean(shadows, members) + mean_out) + TINY


def fit_slope(
    shadows: Floats, members: Mask, population: Floats, gamma: float = 1.0, slopes: Sequence[float] = SLOPES
) -> float:
    """The offline slope ``a`` that ranks best where shadows play the target, each against the others.

    ``population [shadows, z]`` are the same shadows' probabilities of the population points. At least two shadows.
    """
    if len(shadows) < 2:
        raise DataError(f"{len(shadows)} shadows: fitting the slope needs one as a target and another as a reference")

    def quality(slope: float) -> float:
        found = [_as_target(shadows, members, population, one, slope, gamma) for one in range(min(len(shadows), 4))]
        return float(np.nanmean([auc(scores, members[one]) for one, scores in enumerate(found)]))

    return max(slopes, key=quality)


def _as_target(shadows: Floats, members: Mask, population: Floats, target: int, slope: float, gamma: float) -> Floats:
    others = np.arange(len(shadows)) != target
    ratios = shadows[target] / marginal(shadows[others], members[others], slope)
    return rmia(ratios, population[target] / marginal(population[others], None, slope), gamma)


def _mean(shadows: Floats, mask: Mask) -> Floats:
    """Mean over the marked shadows, over all of them where none is marked."""
    counts = mask.sum(0)
    own = np.where(mask, shadows, 0.0).sum(0) / np.maximum(counts, 1)
    return np.asarray(np.where(counts > 0, own, shadows.mean(0)), dtype=np.float64)
