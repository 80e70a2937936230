"""FuseGen's feedback: which synthetic texts of all generators become in-context samples of the next round.

Zou et al. (2024), "FuseGen: PLM fusion for data-generation based zero-shot learning", section 3.2: small task models,
one per generator, disagree about a text; candidates are taken from both ends of that disagreement, and the ones that
help the model of all texts most are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.scenario import DataError, Floats, Ints, Mask
from scenarios.synthetic_fusion.heads import Head, fit_head, influence

__all__ = ["feedback", "most_helpful", "screened", "variability"]


def variability(models: Sequence[Floats]) -> Floats:
    """``[n]``: standard deviation over K models of the probability ``[n]`` that each gives to a text's own label."""
    if not models:
        raise DataError("variability needs the probabilities of at least one model")
    spread: Floats = np.std(np.stack(list(models)), axis=0)
    return spread


def screened(disagreement: Floats, count: int, high: float) -> Ints:
    """``count`` row numbers: the share ``high`` of them of largest disagreement, the others of smallest; ties by row.

    All rows where there are not that many.
    """
    if not 0 <= high <= 1 or count < 1:
        raise DataError(f"{count} candidates, share {high} of high variability: at least 1, and a share in [0, 1]")
    order: Ints = np.argsort(disagreement, kind="stable")
    if len(order) <= count:
        return order
    top = round(high * count)
    return np.concatenate([order[: count - top], order[len(order) - top :]])


def most_helpful(influences: Floats, candidates: Ints, count: int) -> Ints:
    """The ``count`` candidates of smallest (most helpful) influence, best first."""
    order = np.argsort(influences[candidates], kind="stable")
    return candidates[order[:count]]


def feedback(
    x: Floats,
    y: Sequence[str],
    owners: Sequence[str],
    classes: Sequence[str],
    rng: np.random.Generator,
    *,
    candidates: int,
    samples: int,
    high: float,
) -> Ints:
    """Row numbers of the in-context samples among all texts so far: embeddings ``x [n, d]``, labels, generators.

    The influence is on texts held out of the fused set, a tenth of them and at least one.
    """
    own = np.array([list(classes).index(label) for label in y])
    heads = [_one(x, y, np.asarray(owners) == name, classes) for name in dict.fromkeys(owners)]
    d = variability([head.probabilities(x)[np.arange(len(x)), own] for head in heads])
    if len(x) < 3:
        return screened(d, min(candidates, samples), high)
    order = rng.permutation(len(x))
    held, kept = np.sort(order[: max(1, len(x) // 10)]), np.sort(order[max(1, len(x) // 10) :])
    fused = _one(x, y, kept, classes)
    found = np.full(len(x), np.inf)
    found[kept] = influence(fused, x[kept], [y[i] for i in kept], (x[held], [y[i] for i in held]))
    return most_helpful(found, screened(d, candidates, high), samples)


def _one(x: Floats, y: Sequence[str], rows: Mask | Ints, classes: Sequence[str]) -> Head:
    return fit_head(x[rows], list(np.asarray(y)[rows]), classes)
