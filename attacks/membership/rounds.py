"""Several looks at one candidate - rounds, rewordings, models that learned from the party - made into one score."""

from __future__ import annotations

import numpy as np

from harness.attack import DataError, Floats, Mask

__all__ = ["fit_weights", "summed"]

RIDGE = 1e-3
"""Part of the mean variance that is added to every look: looks that always agree are still two."""


def summed(looks: Floats) -> Floats:
    """Mean over the last axis: ``[..., m, looks]`` to ``[..., m]``. Independent noise falls by ``sqrt(looks)``."""
    return np.asarray(looks.mean(-1), dtype=np.float64)


def fit_weights(looks: Floats, members: Mask) -> Floats:
    """Weights ``[looks]`` of the sum that separates members best, from ``looks [shadows, m, looks]``.

    Fisher's linear discriminant: the mean shift by membership, against the covariance within candidates, both
    pooled over all candidates. Looks that membership does not move get no say, and noise that they share cancels.

    Raises:
        DataError: shapes do not fit, or no candidate was in some shadows and out of others.
    """
    if looks.ndim != 3 or looks.shape[:2] != members.shape:
        raise DataError(f"looks {list(looks.shape)} for members {list(members.shape)}; give [shadows, m, looks]")
    both = members.any(0) & ~members.all(0)
    if not both.any():
        raise DataError(f"no candidate was in some of {len(looks)} shadows and out of others; use more shadows")
    kept, inside = looks[:, both], members[:, both, None]
    mean_in, mean_out = _mean(kept, inside), _mean(kept, ~inside)
    rest = (kept - np.where(inside, mean_in, mean_out)).reshape(-1, looks.shape[-1])
    freedom = max(len(rest) - 2 * int(both.sum()), 1)
    covariance = rest.T @ rest / freedom
    covariance += RIDGE * (np.trace(covariance) / len(covariance) + 1e-12) * np.eye(len(covariance))
    return np.asarray(np.linalg.solve(covariance, (mean_in - mean_out).mean(0)), dtype=np.float64)


def _mean(looks: Floats, mask: Mask) -> Floats:
    return np.asarray(np.where(mask, looks, 0.0).sum(0) / mask.sum(0), dtype=np.float64)
