"""Distance of records to their nearest synthetic text: a diagnostic, never a ranking.

Releases that pass such tests are still open to membership inference (Yao et al. 2025, "The DCR Delusion").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.attack import DataError, Floats, auc

__all__ = ["NearestDistances", "nearest_distance", "nearest_distances"]


@dataclass(frozen=True)
class NearestDistances:
    """Training against holdout records by their distance to the nearest synthetic text."""

    share: float
    """Share of synthetic texts whose nearest record is a training one, holdout sized equal: 0.5 without copying."""
    auc: float
    """Chance that a training record lies nearer to a synthetic text than a holdout record does."""
    p_value: float
    """Mann-Whitney test that training records are nearer."""


def nearest_distance(records: Floats, synthetic: Floats) -> Floats:
    """Euclidean distance ``[r]`` of each record ``[r, d]`` to the nearest of ``synthetic [s, d]``."""
    from scipy.spatial.distance import cdist

    found: Floats = cdist(records, synthetic).min(1)
    return found


def nearest_distances(train: Floats, holdout: Floats, synthetic: Floats) -> NearestDistances:
    """The diagnostic on embeddings; sides of unequal size are cut to the smaller one for the share."""
    from scipy.stats import mannwhitneyu

    if not len(train) or not len(holdout) or not len(synthetic):
        raise DataError("nearest distances need training, holdout and synthetic embeddings: one of them is empty")
    near, far = nearest_distance(train, synthetic), nearest_distance(holdout, synthetic)
    size = min(len(train), len(holdout))
    to_train, to_holdout = (nearest_distance(synthetic, side[:size]) for side in (train, holdout))
    share = float(np.mean(to_train < to_holdout) + 0.5 * np.mean(to_train == to_holdout))
    labels = [1] * len(near) + [0] * len(far)
    p_value = float(mannwhitneyu(near, far, alternative="less").pvalue)
    return NearestDistances(share, auc(np.concatenate([-near, -far]), labels), p_value)
