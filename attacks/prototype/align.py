"""From the public encoder's space to that of a client's prototypes, learned on releases whose records are known.

Clients may train their own encoders. Shadow runs give pairs (mean public embedding of a class's records, prototype
sent for it); a ridge map between them carries the attacker's class moments and candidates over. What the map does
not explain is noise to the attacker. (Few-shot alignment of embedding spaces: Chen et al. 2025, ALGEN.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attacks.prototype.moments import Moments
from harness.errors import DataError
from harness.score.statistic import Floats

__all__ = ["Aligner", "fit_aligner", "identity"]


@dataclass(frozen=True)
class Aligner:
    """``p = x weight + bias + error``: ``weight [d, e]``, ``bias [e]``, covariance of the error ``[e, e]``."""

    weight: Floats
    bias: Floats
    error: Floats

    def points(self, embeddings: Floats) -> Floats:
        """Public ``embeddings [m, d]`` in the prototypes' space ``[m, e]``."""
        return embeddings @ self.weight + self.bias

    def moments(self, model: Moments) -> Moments:
        """A class's moments in the prototypes' space."""
        return model.mapped(self.weight, self.bias)


def identity(size: int) -> Aligner:
    """For prototypes that are means of public embeddings themselves."""
    return Aligner(np.eye(size), np.zeros(size), np.zeros((size, size)))


def fit_aligner(means: Floats, prototypes: Floats, *, folds: int = 5) -> Aligner:
    """Ridge regression ``prototypes [N, e]`` on ``means [N, d]``; its penalty and its error are cross-validated.

    Raises:
        DataError: fewer than two pairs for each fold.
    """
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import cross_val_predict

    if len(means) < 2 * folds:
        raise DataError(f"{len(means)} pairs are too few to learn a map from records to prototypes: give more shadows")
    scale = float(means.var(0).sum()) * len(means) / means.shape[1] + 1e-30
    fits = {a: cross_val_predict(Ridge(alpha=a * scale), means, prototypes, cv=folds) for a in (1e-3, 1e-2, 0.1, 1, 10)}
    best = min(fits, key=lambda a: float(((fits[a] - prototypes) ** 2).sum()))
    final = Ridge(alpha=best * scale).fit(means, prototypes)
    return Aligner(final.coef_.T, final.intercept_, _covariance(prototypes - fits[best]))


def _covariance(residuals: Floats) -> Floats:
    from sklearn.covariance import LedoitWolf

    found: Floats = LedoitWolf(assume_centered=True).fit(residuals).covariance_
    return found
