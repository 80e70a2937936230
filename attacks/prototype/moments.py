"""What the attacker knows of a class before any release: mean and covariance of embeddings, from its own records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["Moments", "clip_rows", "fit_by_class", "fit_moments", "principal"]

ENOUGH = 4
"""Records per dimension from which on a class gets a covariance of its own."""


@dataclass(frozen=True)
class Moments:
    """Mean ``[d]`` and covariance ``[d, d]`` of the embedding of one record of a class."""

    mean: Floats
    covariance: Floats

    @property
    def trace(self) -> float:
        """Expected squared distance of a record to the class mean."""
        return float(np.trace(self.covariance))


def principal(covariance: Floats) -> tuple[Floats, Floats]:
    """Variances ``[d]`` along the principal axes, rising, and the axes ``[d, d]`` as columns; of one array once."""
    return _principal(_Same(covariance))


class _Same:
    """An array, equal to nothing but itself."""

    def __init__(self, array: Floats) -> None:
        self.array = array

    def __hash__(self) -> int:
        return id(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.array is other.array


@lru_cache(maxsize=16)
def _principal(same: _Same) -> tuple[Floats, Floats]:
    variances, axes = np.linalg.eigh(same.array)
    return variances, axes


def fit_moments(embeddings: Floats) -> Moments:
    """Sample mean and shrunk covariance (Ledoit and Wolf 2004) of ``embeddings [m, d]``, m at least 2."""
    if embeddings.ndim != 2 or len(embeddings) < 2:
        raise DataError(f"moments need at least 2 embeddings [m, d], got {list(embeddings.shape)}: give more records")
    mean = embeddings.mean(0)
    return Moments(mean, _shrunk(embeddings - mean))


def fit_by_class(embeddings: Floats, labels: Sequence[str]) -> Mapping[str, Moments]:
    """Moments of every class in ``labels``.

    A class with fewer than ``4 d`` records shares the covariance of all records around their class means: the
    shape of a cloud takes many more records to learn than its centre. Raises DataError where lengths differ.
    """
    if len(labels) != len(embeddings):
        raise DataError(f"{len(labels)} labels for {len(embeddings)} embeddings: give one for each")
    marks = np.asarray(labels)
    means = {name: embeddings[marks == name].mean(0) for name in dict.fromkeys(labels)}
    residuals = embeddings - np.stack([means[name] for name in labels])
    shared = _shrunk(residuals)
    few = {name: int((marks == name).sum()) < ENOUGH * embeddings.shape[1] for name in means}
    return {
        name: Moments(mean, shared if few[name] else _shrunk(residuals[marks == name])) for name, mean in means.items()
    }


def clip_rows(embeddings: Floats, clip: float | None) -> Floats:
    """Rows scaled to Euclidean norm at most ``clip``, as a defense that clips records would; None leaves them."""
    if clip is None:
        return embeddings
    norms = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    clipped: Floats = embeddings * np.minimum(1.0, clip / np.maximum(norms, 1e-30))
    return clipped


def _shrunk(centred: Floats) -> Floats:
    from sklearn.covariance import LedoitWolf

    fitted: Floats = LedoitWolf(assume_centered=True, store_precision=False).fit(centred).covariance_
    return fitted
