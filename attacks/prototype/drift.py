"""How far local training moved an encoder: what is left of prototypes after the records known to be behind them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.attack import Floats

__all__ = ["Sampling", "excess_covariance", "own_part"]

ISOTROPIC = 0.1
"""Part of the estimate that is spread over all directions: residuals are fewer than directions."""

Sampling = Sequence[tuple[Floats, float]]
"""For each residual the covariance of one unknown record (one object per class) and what multiplies it."""


def own_part(residuals: Floats, owners: Sequence[str]) -> Floats:
    """Residuals ``[N, d]`` without the mean of their owner's, rescaled to keep their variance.

    An owner of fewer than three residuals keeps them as they are.
    """
    found, marks = residuals.copy(), np.asarray(owners)
    for owner in dict.fromkeys(owners):
        rows = marks == owner
        number = int(rows.sum())
        if number > 2:
            found[rows] = (residuals[rows] - residuals[rows].mean(0)) * (number / (number - 1)) ** 0.5
    return found


def excess_covariance(residuals: Floats, sampling: Sampling) -> Floats:
    """Covariance ``[d, d]`` of ``residuals [N, d]`` beyond that of the records that are not known.

    Moments, weighted by how little is due to sampling; negative directions are set to zero, then a tenth is spread
    over all directions.
    """
    traces = {id(matrix): float(np.trace(matrix)) for matrix, _ in sampling}
    noise = np.array([factor * traces[id(matrix)] for matrix, factor in sampling])
    weight = 1 / (noise + float((residuals**2).sum(1).mean()) + 1e-12) ** 2
    weight /= weight.sum()
    moment = (residuals * weight[:, None]).T @ residuals
    shares: dict[int, float] = {}
    for (matrix, factor), w in zip(sampling, weight, strict=True):
        shares[id(matrix)] = shares.get(id(matrix), 0.0) + w * factor
    kinds = {id(matrix): matrix for matrix, _ in sampling}
    moment = moment - np.sum([share * kinds[key] for key, share in shares.items()], axis=0)
    values, axes = np.linalg.eigh(moment)
    kept = (axes * np.maximum(values, 0.0)) @ axes.T
    spread: Floats = (1 - ISOTROPIC) * kept + ISOTROPIC * np.trace(kept) / len(kept) * np.eye(len(kept))
    return spread
