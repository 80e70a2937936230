"""The small task model: weighted multinomial logistic regression on frozen text embeddings, and influence on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.scenario import DataError, Floats

__all__ = ["Head", "fit_head", "influence", "labels_by_words"]

STRENGTH = 10.0
"""Inverse L2 penalty, as scikit-learn counts it."""
UNSEEN = -30.0
"""Bias of a class without a training text: it is never predicted, and no probability is zero."""


@dataclass(frozen=True)
class Head:
    """Class scores ``x @ weight.T + bias``; rows are ``classes``."""

    classes: tuple[str, ...]
    weight: Floats
    """[C, d]"""
    bias: Floats
    """[C]"""

    def probabilities(self, x: Floats) -> Floats:
        """Class probabilities [n, C] of embeddings [n, d]."""
        from scipy.special import softmax

        p: Floats = softmax(x @ self.weight.T + self.bias, axis=1)
        return p

    def labels(self, x: Floats) -> list[str]:
        """The most probable class of each row."""
        return [self.classes[int(c)] for c in (x @ self.weight.T + self.bias).argmax(1)]


def fit_head(x: Floats, y: Sequence[str], classes: Sequence[str], weights: Floats | None = None) -> Head:
    """Fit on embeddings ``x [n, d]`` with labels ``y`` and sample weights ``[n]`` (default: all one).

    Raises:
        DataError: no text, sizes that differ, or a label that is no class.
    """
    odd = sorted(set(y) - set(classes))
    if len(y) == 0 or len(x) != len(y) or odd:
        raise DataError(f"a head from {len(x)} embeddings, {len(y)} labels, unknown labels {odd}: give equal numbers")
    seen = sorted(set(y))
    weight, bias = np.zeros((len(classes), x.shape[1])), np.full(len(classes), UNSEEN)
    rows = [list(classes).index(label) for label in seen]
    if len(seen) == 1:
        bias[rows] = 0.0
    else:
        weight[rows], bias[rows] = _regression(x, list(y), weights)
    return Head(tuple(classes), weight, bias)


def labels_by_words(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    """The label of each of the ``asked`` texts by a small model of words learned from labelled ``texts``.

    TF-IDF of words, then logistic regression that counts every class equally; the one label where
    there is no other.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if len(set(labels)) == 1:
        return [labels[0]] * len(asked)
    words = TfidfVectorizer(sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000))
    return [str(label) for label in model.fit(list(texts), list(labels)).predict(list(asked))]


def _regression(x: Floats, y: list[str], weights: Floats | None) -> tuple[Floats, Floats]:
    """Weights [S, d] and biases [S] of the classes in ``y``, sorted."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=STRENGTH, max_iter=2000, tol=1e-6)
    model.fit(np.asarray(x, np.float64), y, sample_weight=weights)
    if len(model.coef_) == 1:  # two classes are one vector there: half of it for each side
        sides = np.array([[-0.5], [0.5]])
        return sides * model.coef_, sides[:, 0] * model.intercept_
    return model.coef_, model.intercept_


def influence(head: Head, x: Floats, y: Sequence[str], validation: tuple[Floats, Sequence[str]]) -> Floats:
    """First-order change [n] of the mean validation loss when a text of the training set counts more, per unit of its
    weight in the summed loss; negative is helpful.

    Koh and Liang (2017), "Understanding black-box predictions via influence functions", equation 2, with the exact
    Hessian of the training loss of a head that was fitted on ``x``, ``y``; solved by conjugate gradients.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    inputs, targets = _with_ones(x), _one_hot(y, head.classes)
    p = head.probabilities(x)
    held_out, wanted = _with_ones(validation[0]), _one_hot(validation[1], head.classes)
    gradient = (head.probabilities(validation[0]) - wanted).T @ held_out / len(held_out)
    penalty = np.full(gradient.shape, (2.0 if len(set(y)) == 2 else 1.0) / STRENGTH)
    penalty[:, -1] = 1e-6

    def product(flat: Floats) -> Floats:
        v = flat.reshape(gradient.shape)
        a = inputs @ v.T
        curved: Floats = (p * (a - (p * a).sum(1, keepdims=True))).T @ inputs + penalty * v
        return curved.ravel()

    size = gradient.size
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    solution, _ = cg(operator, gradient.ravel(), rtol=1e-6, maxiter=500)
    influences: Floats = -((p - targets) * (inputs @ solution.reshape(gradient.shape).T)).sum(1)
    return influences


def _with_ones(x: Floats) -> Floats:
    return np.concatenate([np.asarray(x, np.float64), np.ones((len(x), 1))], axis=1)


def _one_hot(y: Sequence[str], classes: Sequence[str]) -> Floats:
    hits: Floats = (np.asarray(y)[:, None] == np.asarray(classes)[None]).astype(np.float64)
    return hits
