"""Parties with known class proportions: exact Bayes answers, and trained classifiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from attacks.label_inference.answer_shares import log_shares

CLASSES = 10


@dataclass(frozen=True)
class Party:
    """Answers of one party on the public texts, beside the reference's answers, both as logits ``[n, classes]``."""

    proportions: np.ndarray
    logits: np.ndarray
    reference: np.ndarray
    """Log-shares under uniform proportions."""
    topics: np.ndarray
    """True classes of the public texts."""


def bayes(rng: np.random.Generator, *, separation: float = 1.0, public: int = 1000, alpha: float = 0.5) -> Party:
    """Gaussian classes: reference and party are the true posteriors, under uniform and under their own proportions."""
    centres = separation * rng.normal(size=(CLASSES, 8))
    topics = rng.integers(CLASSES, size=public)
    texts = centres[topics] + rng.normal(size=(public, 8))
    evidence = texts @ centres.T - 0.5 * (centres**2).sum(1)
    proportions = rng.dirichlet([alpha] * CLASSES) * 0.99 + 0.001
    return Party(proportions, evidence + np.log(proportions), log_shares(evidence), topics)


def trained(
    rng: np.random.Generator,
    *,
    separation: float = 0.6,
    alpha: float = 0.5,
    records: int = 1000,
    public: int = 1000,
    d: int = 20,
) -> Party:
    """Logistic regressions, the party's on its own records and the reference's on as many auxiliary ones."""
    centres = separation * rng.normal(size=(CLASSES, d))

    def draw(labels: Any) -> Any:
        return centres[labels] + rng.normal(size=(len(labels), d))

    topics = rng.integers(CLASSES, size=public)
    texts, auxiliary = draw(topics), rng.integers(CLASSES, size=records)
    labels = rng.choice(CLASSES, p=rng.dirichlet([alpha] * CLASSES), size=records)
    proportions = np.bincount(labels, minlength=CLASSES) / records
    own, reference = _fit(draw(labels), labels), _fit(draw(auxiliary), auxiliary)
    return Party(proportions, own(texts), log_shares(reference(texts)), topics)


def _fit(x: Any, y: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=300).fit(x, y)

    def logits(inputs: Any) -> Any:
        out = np.full((len(inputs), CLASSES), -12.0)
        out[:, model.classes_] = model.decision_function(inputs)
        return out

    return logits


def distance(a: Any, b: Any) -> Any:
    """Total variation."""
    return 0.5 * float(np.abs(np.asarray(a) - np.asarray(b)).sum())
