"""A party's answers on public texts as class shares, and the two estimates that need no reference model."""

from __future__ import annotations

import numpy as np

from harness.attack import DataError, Floats, Ints

__all__ = ["argmax_histogram", "hard_labels", "log_shares", "mean_softmax", "nothing_but_labels"]

DEEPEST = 60.0
"""Logits this far below the top one count as this far: a share of e^-60 is none, and -inf cannot be averaged."""


def log_shares(logits: Floats, *, share_of_rest: float | None = None) -> Floats:
    """Log-softmax over the last axis of ``logits [..., classes]``.

    ``share_of_rest``: where a defense cut off all but some classes (logits of -inf, or as good as), those that are
    missing share this much probability evenly, and the others lose it in proportion.

    Raises:
        DataError: a logit is nan, or a row has no finite logit.
    """
    top = logits.max(-1, keepdims=True)
    if not np.isfinite(top).all():
        raise DataError("logits that are nan, or rows without a finite one: drop what the party did not answer")
    bounded = np.maximum(logits - top, -DEEPEST)
    found = bounded - np.logaddexp.reduce(bounded, axis=-1, keepdims=True)
    return _refilled(found, bounded <= -DEEPEST, share_of_rest) if share_of_rest else found


def mean_softmax(logits: Floats) -> Floats:
    """Mean class shares ``[classes]`` over rounds and public texts of ``logits [..., classes]`` (Shi et al. 2025)."""
    shares = np.exp(log_shares(logits)).reshape(-1, logits.shape[-1])
    return np.asarray(shares.mean(0), dtype=np.float64)


def argmax_histogram(labels: Ints, classes: int) -> Floats:
    """Share ``[classes]`` of answers ``labels [...]`` that name each class.

    Raises:
        DataError: no answers, or an answer is no class.
    """
    answers = np.asarray(labels).ravel()
    if not answers.size or answers.min() < 0 or answers.max() >= classes:
        raise DataError(f"{answers.size} answers among {classes} classes: give at least one, all in 0..{classes - 1}")
    return np.bincount(answers, minlength=classes) / answers.size


def hard_labels(logits: Floats, rng: np.random.Generator) -> Ints:
    """The top class ``[...]`` of every row; of equal ones any, so that no class gains by its place."""
    tied = logits == logits.max(-1, keepdims=True)
    return np.asarray((tied * rng.uniform(0.5, 1.0, size=logits.shape)).argmax(-1), dtype=np.int64)


def nothing_but_labels(logs: Floats) -> bool:
    """Whether answers ``logs [..., classes]`` (of :func:`log_shares`) name a class each and say nothing more.

    One class then lies above all others, which are equal, by the same gap in every row: a vote of any weight. Answers
    that are certain of a class, up to 1 in a million, are votes, too.
    """
    rows = np.sort(logs.reshape(-1, logs.shape[-1]), axis=1)
    gaps = rows[:, -1] - rows[:, -2]
    even = float(np.abs(rows[:, -2] - rows[:, 0]).max()) < 1e-4
    votes = even and float(np.ptp(gaps)) < 1e-4 and float(gaps.min()) > 1e-2
    return votes or bool((rows[:, -1] > np.log1p(-1e-6)).mean() > 0.99)


def _refilled(found: Floats, missing: np.ndarray, share: float) -> Floats:
    count = missing.sum(-1, keepdims=True)
    kept = np.where(count > 0, np.log1p(-share), 0.0)
    return np.asarray(np.where(missing, np.log(share / np.maximum(count, 1)), found + kept), dtype=np.float64)
