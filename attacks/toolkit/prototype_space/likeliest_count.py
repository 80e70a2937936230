"""Likeliest number of records behind a prototype."""

from __future__ import annotations

import numpy as np

from attacks.toolkit.prototype_space.moments import ClassMoments, principal
from harness.attack import Floats

__all__ = ["likelihood_rule"]


def likelihood_rule(
    prototype: Floats, model: ClassMoments, noise: float = 0.0, per_record: float = 0.0, *, most: int = 2000
) -> float:
    """The n from 1 to ``most`` for which ``prototype ~ N(mu, Sigma / n + (noise + per_record / n^2) I)`` is likeliest.

    Uses every direction of the covariance, where the distance rule is ruled by the few widest ones.
    """
    spread, axes = principal(model.covariance)
    squared = ((prototype - model.mean) @ axes) ** 2
    counts = np.unique(np.round(np.geomspace(1, most, 400)))[:, None]
    variance = np.maximum(spread, 1e-12 * spread[-1]) / counts + noise + per_record / counts**2
    fit = -0.5 * (np.log(variance) + squared / variance).sum(1)
    return float(counts[np.argmax(fit), 0])
