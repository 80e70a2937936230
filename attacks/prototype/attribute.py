"""Does a property hold for the records behind a prototype? A probe trained on simulated means of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["fit_mean_probe", "simulated_means"]


def simulated_means(
    embeddings: Floats, attribute: Sequence[int], count: int, shares: tuple[float, float], draws: int,
    rng: np.random.Generator,
) -> tuple[Floats, list[int]]:  # fmt: skip
    """``draws`` means of ``count`` records and their labels: of label k a share ``shares[k]`` has the attribute.

    Records are drawn with replacement where there are too few. Raises DataError where no record has the attribute,
    or all have it.
    """
    marks = np.asarray(attribute)
    pools = [np.flatnonzero(marks == value) for value in (0, 1)]
    if not all(map(len, pools)):
        raise DataError("the auxiliary records do not show both values of the attribute: give other ones")
    labels = [draw % 2 for draw in range(draws)]
    means = [_one_mean(embeddings, pools, count, shares[label], rng) for label in labels]
    return np.stack(means), labels


def fit_mean_probe(
    means: Floats, labels: Sequence[int], *, noise: float = 0.0, rng: np.random.Generator | None = None,
    inverse_penalty: float = 0.1,
) -> Any:  # fmt: skip
    """Logistic regression on means (``predict_proba(prototypes)[:, 1]``), through noise of variance ``noise``."""
    import torch

    from attacks.embedding_inversion.probe import fit_probe

    if noise > 0:
        if rng is None:
            raise DataError("a probe through noise needs a generator: pass rng")
        means = means + rng.normal(scale=noise**0.5, size=means.shape)
    return fit_probe(torch.from_numpy(means), labels, inverse_penalty)


def _one_mean(
    embeddings: Floats, pools: Sequence[np.ndarray[Any, Any]], count: int, share: float, rng: np.random.Generator
) -> Floats:
    ones = int(rng.binomial(count, share))
    rows = [_draw(pool, size, rng) for pool, size in zip(pools, (count - ones, ones), strict=True)]
    mean: Floats = embeddings[np.concatenate(rows)].mean(0)
    return mean


def _draw(pool: np.ndarray[Any, Any], size: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return rng.choice(pool, size, replace=size > len(pool))
