"""What a model says about one record and its label: the numbers that every membership attack compares."""

from __future__ import annotations

import numpy as np

from harness.attack import DataError, Floats, Ints

__all__ = ["LIMIT", "label_margin", "log_likelihood", "logit_confidence", "noise_variance"]

LIMIT = 30.0
"""Confidences are cut here: hard labels and truncated logits would be infinitely sure."""


def log_likelihood(logits: Floats, labels: Ints) -> Floats:
    """Log-probability ``[..., m]`` of each record's label under ``logits [..., m, classes]`` (the loss, negated).

    As a membership score this is the loss threshold of Yeom et al. (2018), which knows no record's difficulty.

    Raises:
        DataError: shapes do not fit, a label is no class, or a logit is nan.
    """
    chosen, others = _split(logits, labels)
    return np.asarray(-np.logaddexp(0.0, np.minimum(others - chosen, LIMIT)), dtype=np.float64)


def logit_confidence(logits: Floats, labels: Ints) -> Floats:
    """Logit-scaled confidence ``log p_y - log sum_{y' != y} p_y'``, ``[..., m]``, within +-LIMIT.

    Close to Gaussian over models trained on different data (Carlini et al. 2022, section IV-B, in its stable form).

    Raises:
        DataError: as :func:`log_likelihood`.
    """
    chosen, others = _split(logits, labels)
    return np.clip(chosen - others, -LIMIT, LIMIT)


def label_margin(logits: Floats, labels: Ints) -> Floats:
    """The label's logit above the mean of all, ``[..., m]``, within +-LIMIT.

    Linear in the logits, so that noise on them moves it less than the confidence, which follows the largest.
    """
    _check(logits, labels)
    bounded = np.maximum(logits, logits.max(-1, keepdims=True) - LIMIT)
    centred = bounded - bounded.mean(-1, keepdims=True)
    mine = centred[_chosen(centred, labels)].reshape(logits.shape[:-1])
    return np.asarray(np.clip(mine, -LIMIT, LIMIT), dtype=np.float64)


def noise_variance(logits: Floats, labels: Ints, sigma: float, weights: tuple[float, float] = (1.0, 0.0)) -> Floats:
    """Variance ``[..., m]`` that noise of deviation ``sigma`` on every logit adds to a sum of confidence and margin.

    ``weights`` are those of :func:`logit_confidence` and :func:`label_margin`. First order around ``logits``: the
    confidence falls with every other logit in proportion to that class's share.
    """
    mine = _chosen(logits, labels)
    others = np.where(mine, -np.inf, logits)
    shares = np.exp(others - others.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    slope = weights[0] * (mine - shares) + weights[1] * (mine - 1.0 / logits.shape[-1])
    return np.asarray(sigma**2 * (slope**2).sum(-1), dtype=np.float64)


def _split(logits: Floats, labels: Ints) -> tuple[Floats, Floats]:
    """The label's logit, and the log-sum-exp of all others; both finite up to rounding at the limits."""
    _check(logits, labels)
    # Logits of -inf (truncated classes) would make differences undefined; so far below the top they weigh nothing.
    bounded = np.maximum(logits, logits.max(-1, keepdims=True) - 10 * LIMIT)
    mine = _chosen(bounded, labels)
    chosen = bounded[mine].reshape(bounded.shape[:-1])
    return chosen, np.asarray(np.logaddexp.reduce(np.where(mine, -np.inf, bounded), axis=-1), dtype=np.float64)


def _chosen(logits: Floats, labels: Ints) -> np.ndarray:
    mine = np.asarray(labels)[:, None] == np.arange(logits.shape[-1])
    return np.broadcast_to(mine, logits.shape)


def _check(logits: Floats, labels: Ints) -> None:
    problems = []
    if logits.ndim < 2 or logits.shape[-2:-1] != labels.shape or logits.shape[-1] < 2:
        problems.append(f"logits {list(logits.shape)} for labels {list(labels.shape)}; give [..., m, classes] and [m]")
    elif labels.size and (labels.min() < 0 or labels.max() >= logits.shape[-1]):
        problems.append(f"labels {labels.min()}..{labels.max()} of {logits.shape[-1]} classes")
    if np.isnan(logits).any():
        problems.append(f"{int(np.isnan(logits).sum())} logits are nan")
    if problems:
        raise DataError("confidence: " + "; ".join(problems))
