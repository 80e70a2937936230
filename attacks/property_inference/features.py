"""What a party shared, as one vector of fixed length: what a meta-classifier can compare between runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["logit_features", "prototype_features"]

DEEPEST = 30.0
"""Logits this far below the top of their row count as this far (truncated classes would be infinitely far)."""


def logit_features(logits: Floats) -> Floats:
    """``[n * classes]`` from ``logits [..., n, classes]``: averaged over rounds, without what a softmax does not see.

    The public texts are the same for all runs and in the same order, so that entries correspond.
    """
    bounded = np.maximum(logits, logits.max(-1, keepdims=True) - DEEPEST)
    centred = bounded - bounded.mean(-1, keepdims=True)
    return np.asarray(centred.reshape(-1, *logits.shape[-2:]).mean(0).ravel(), dtype=np.float64)


def prototype_features(rounds: Sequence[Mapping[str, Floats]], classes: Sequence[str], size: int) -> Floats:
    """``[len(classes) * (size + 1)]`` from per-round class means ``name -> [size]``.

    Per class: the mean over the rounds that have it (zeros in none), and the share of rounds that have it.

    Raises:
        DataError: no rounds, or a mean is not of that size.
    """
    wrong = sorted(
        {f"{name} {list(mean.shape)}" for one in rounds for name, mean in one.items() if mean.shape != (size,)}
    )
    if not rounds or wrong:
        raise DataError(
            f"{len(rounds)} rounds of prototypes of {size} numbers; wrong shapes: {', '.join(wrong) or 'none'}"
        )
    parts = []
    for name in classes:
        means = [one[name] for one in rounds if name in one]
        parts.append(np.append(np.mean(means, axis=0) if means else np.zeros(size), len(means) / len(rounds)))
    return np.concatenate(parts)
