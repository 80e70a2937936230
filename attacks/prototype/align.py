"""From the public encoder's space to that of a client's prototypes, learned on releases whose records are known.

Clients may train their own encoders. Shadow runs give pairs (mean public embedding of a class's records, prototype
sent for it); a ridge map between them carries the attacker's class moments and candidates over. What the map does
not explain is noise to the attacker. (Few-shot alignment of embedding spaces: Chen et al. 2025, ALGEN.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from attacks.prototype.moments import Moments
from harness.attack import DataError, Floats

__all__ = ["Aligner", "fit_aligner", "identity"]


FEWEST = 10
"""Pairs from which on a map can be fitted."""


@dataclass(frozen=True)
class Aligner:
    """``p = x weight + bias + error``: ``weight [d, e]``, ``bias [e]``, covariance of the error ``[e, e]``."""

    weight: Floats
    bias: Floats
    error: Floats

    def points(self, embeddings: Floats) -> Floats:
        """Public ``embeddings [m, d]`` in the prototypes' space ``[m, e]``."""
        return embeddings @ self.weight + self.bias

    def moments(self, models: Mapping[str, Moments]) -> dict[str, Moments]:
        """Classes' moments in the prototypes' space; classes that share a covariance still do."""
        shared = {id(m.covariance): self.weight.T @ m.covariance @ self.weight for m in models.values()}
        return {n: Moments(self.points(m.mean), shared[id(m.covariance)]) for n, m in models.items()}


def identity(size: int) -> Aligner:
    """For prototypes that are means of public embeddings themselves."""
    return Aligner(np.eye(size), np.zeros(size), np.zeros((size, size)))


def fit_aligner(means: Floats, prototypes: Floats) -> Aligner:
    """Ridge regression ``prototypes [N, e]`` on ``means [N, d]``; its penalty and its error are those of leaving one
    pair out.

    Raises:
        DataError: fewer pairs than :data:`FEWEST`.
    """
    from sklearn.linear_model import RidgeCV

    if len(means) < FEWEST:
        raise DataError(f"{len(means)} pairs are too few to learn a map from records to prototypes: give more shadows")
    scale = float(means.var(0).sum()) * len(means) / means.shape[1] + 1e-30
    alphas = [part * scale for part in (1e-3, 1e-2, 0.1, 1, 10)]
    fitted = RidgeCV(alphas, scoring="neg_mean_squared_error", store_cv_results=True).fit(means, prototypes)
    left_out = fitted.cv_results_[:, :, alphas.index(fitted.alpha_)]
    return Aligner(fitted.coef_.T, fitted.intercept_, _covariance(prototypes - left_out))


def _covariance(residuals: Floats) -> Floats:
    from sklearn.covariance import LedoitWolf

    found: Floats = LedoitWolf(assume_centered=True, store_precision=False).fit(residuals).covariance_
    return found
