"""Parties with known class proportions: exact Bayes answers, and trained classifiers."""

from __future__ import annotations

from dataclasses import dataclass

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


def bayes(rng, *, separation=1.0, public=1000, alpha=0.5):
    """Gaussian classes: reference and party are the true posteriors, under uniform and under their own proportions."""
    centres = separation * rng.normal(size=(CLASSES, 8))
    topics = rng.integers(CLASSES, size=public)
    texts = centres[topics] + rng.normal(size=(public, 8))
    evidence = texts @ centres.T - 0.5 * (centres**2).sum(1)
    proportions = rng.dirichlet([alpha] * CLASSES) * 0.99 + 0.001
    return Party(proportions, evidence + np.log(proportions), log_shares(evidence), topics)


def trained(rng, *, separation=0.6, alpha=0.5, records=1000, public=1000, d=20):
    """Logistic regressions, the party's on its own records and the reference's on as many auxiliary ones."""
    centres = separation * rng.normal(size=(CLASSES, d))

    def draw(labels):
        return centres[labels] + rng.normal(size=(len(labels), d))

    topics = rng.integers(CLASSES, size=public)
    texts, auxiliary = draw(topics), rng.integers(CLASSES, size=records)
    labels = rng.choice(CLASSES, p=rng.dirichlet([alpha] * CLASSES), size=records)
    proportions = np.bincount(labels, minlength=CLASSES) / records
    own, reference = _fit(draw(labels), labels), _fit(draw(auxiliary), auxiliary)
    return Party(proportions, own(texts), log_shares(reference(texts)), topics)


def _fit(x, y):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=300).fit(x, y)

    def logits(inputs):
        out = np.full((len(inputs), CLASSES), -12.0)
        out[:, model.classes_] = model.decision_function(inputs)
        return out

    return logits


def distance(a, b):
    """Total variation."""
    return 0.5 * float(np.abs(np.asarray(a) - np.asarray(b)).sum())
