"""FuseGen: feedback between generators, and self-boosting weights of the texts that they wrote.

Zou et al. (2024), "FuseGen: PLM fusion for data-generation based zero-shot learning". Feedback (section 3.2): small
task models, one per generator, disagree about a text; candidates for in-context samples of the next round are taken
from both ends of that disagreement, and the ones that help the model of all texts most are chosen. Weights (section
3.3): texts that the fused model keeps getting wrong count less. The paper's factor would raise the weight of errors;
this is the direction of the released code, which lowers it, as the text of the paper asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

import numpy as np

from harness.scenario import DataError, Floats, Ints, Mask
from scenarios.synthetic_fusion.heads import Head, fit_head, influence

__all__ = ["boosted", "boosting_base", "feedback", "most_helpful", "reweighted", "screened", "variability"]

START = 0.5
"""Weight of every text before boosting."""


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
    heads = [_head_of(x, y, np.asarray(owners) == name, classes) for name in dict.fromkeys(owners)]
    d = variability([head.probabilities(x)[np.arange(len(x)), own] for head in heads])
    if len(x) < 3:
        return screened(d, min(candidates, samples), high)
    order = rng.permutation(len(x))
    held_out, trained = np.sort(order[: max(1, len(x) // 10)]), np.sort(order[max(1, len(x) // 10) :])
    fused = _head_of(x, y, trained, classes)
    influences = np.full(len(x), np.inf)
    validation = x[held_out], [y[i] for i in held_out]
    influences[trained] = influence(fused, x[trained], [y[i] for i in trained], validation)
    return most_helpful(influences, screened(d, candidates, high), samples)


def boosting_base(texts: int, iterations: int) -> float:
    """``beta = 1 + sqrt(max(1, 2 ln(n / E)))`` for n texts and E iterations; at least 2."""
    return 1.0 + sqrt(max(1.0, 2.0 * log(texts / iterations)))


def reweighted(weights: Floats, own: Floats, wrong: Mask, beta: float) -> Floats:
    """Weights ``[n]`` with those of wrongly labelled texts times ``beta^-(1 - p)``, p the probability ``own [n]`` of
    the text's own label, scaled back to the former sum.
    """
    lowered = np.where(wrong, weights * beta ** -(1.0 - own), weights)
    scaled: Floats = lowered * (weights.sum() / lowered.sum())
    return scaled


def boosted(x: Floats, y: Sequence[str], classes: Sequence[str], iterations: int) -> tuple[Head, Floats]:
    """The task model of the last iteration and the texts' weights ``[n]``, which sum to n / 2."""
    weights = np.full(len(x), START)
    target = np.array([list(classes).index(label) for label in y])
    head = fit_head(x, y, classes, weights)
    for _ in range(iterations):
        p = head.probabilities(x)
        wrong = p.argmax(1) != target
        if not wrong.any():
            break
        weights = reweighted(weights, p[np.arange(len(x)), target], wrong, boosting_base(len(x), iterations))
        head = fit_head(x, y, classes, weights)
    return head, weights


def _head_of(x: Floats, y: Sequence[str], rows: Mask | Ints, classes: Sequence[str]) -> Head:
    return fit_head(x[rows], list(np.asarray(y)[rows]), classes)
