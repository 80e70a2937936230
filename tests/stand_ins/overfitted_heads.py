"""Toy systems whose membership leakage is known, or at least surely there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.util.arrays import Floats, Ints


@dataclass(frozen=True)
class Toy:
    """Scores that are Gaussian by construction: row 0 is the target, the others are shadows."""

    scores: np.ndarray
    members: np.ndarray


def gaussian(rng: np.random.Generator, shadows: int, candidates: int, power: float, spread: float = 3.0) -> Toy:
    """Every record has a difficulty; membership moves its score by ``power`` standard deviations."""
    members = rng.random((shadows + 1, candidates)) < 0.5
    scores = rng.normal(size=(shadows + 1, candidates)) + power * members + spread * rng.normal(size=candidates)
    return Toy(scores, members)


@dataclass(frozen=True)
class Trained:
    """Softmax regressions on random halves of the candidates, asked about candidates and public texts."""

    logits: np.ndarray
    """[models, m, classes]"""
    public_logits: np.ndarray
    """[models, n, classes]"""
    members: np.ndarray
    labels: np.ndarray
    canary: np.ndarray
    embeddings: np.ndarray
    public: np.ndarray


def trained(
    rng: np.random.Generator,
    *,
    models: int = 17,
    ordinary: int = 200,
    canaries: int = 200,
    public: int = 600,
    d: int = 96,
    classes: int = 5,
    steps: int = 150,
    member_share: float = 0.5,
) -> Trained:
    """Overfitted heads on frozen embeddings; a canary is an ordinary record under a wrong label."""
    centres = 0.35 * rng.normal(size=(classes, d))
    m = ordinary + canaries
    true = rng.integers(classes, size=m)
    embeddings = centres[true] + rng.normal(size=(m, d))
    canary = np.arange(m) >= ordinary
    labels = np.where(canary, (true + rng.integers(1, classes, size=m)) % classes, true)
    open_texts = centres[rng.integers(classes, size=public)] + rng.normal(size=(public, d))
    members = rng.random((models, m)) < member_share
    heads = [fit(embeddings[mask], labels[mask], classes, steps) for mask in members]
    logits, public_logits = (np.stack([one(x) for one in heads]) for x in (embeddings, open_texts))
    return Trained(logits, public_logits, members, labels, canary, embeddings, open_texts)


def fit(x: Floats, y: Ints, classes: int, steps: int, rate: float = 2.0) -> Callable[..., Any]:
    """Full-batch gradient descent on the cross-entropy; returns the head as a function."""
    weight, bias, truth = np.zeros((x.shape[1], classes)), np.zeros(classes), np.eye(classes)[y]
    for _ in range(steps):
        logits = x @ weight + bias
        shares = np.exp(logits - logits.max(1, keepdims=True))
        error = (shares / shares.sum(1, keepdims=True) - truth) / len(x)
        weight -= rate * (x.T @ error)
        bias -= rate * error.sum(0)
    return lambda inputs: inputs @ weight + bias
