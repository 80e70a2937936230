"""A small classifier that anyone can learn from labelled public texts: the words of a text, and their weights."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["labels_by_words"]

STRENGTH = 10.0
"""Inverse L2 penalty, as scikit-learn counts it."""


def labels_by_words(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    """The label of each of the ``asked`` texts, learned from ``texts`` with their labels.

    TF-IDF of words and pairs of them, then logistic regression that counts every class equally; the one label where
    there is no other. Deterministic.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if len(set(labels)) == 1:
        return [labels[0]] * len(asked)
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\S+")
    model = make_pipeline(words, LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000))
    return [str(label) for label in model.fit(list(texts), list(labels)).predict(list(asked))]
