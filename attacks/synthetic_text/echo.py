"""Signals of a record's echo in released synthetic texts: its bigram likelihood, and its nearest texts.

Meeus et al. 2025, "The Canary's Echo", section 4: a bigram model with add-one smoothing fitted on the synthetic
texts scores a canary by its probability; the similarity signal is the mean similarity to its k nearest texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np

from attacks.synthetic_text.words import ngrams, words
from harness.attack import DataError, Floats

__all__ = ["BigramModel", "bigram_signal", "cosine_signal", "jaccard_signal", "mean_of_top"]

NEAREST = 25


class BigramModel:
    """``p(w | v) = (C(v w) + 1) / (C(v) + V)`` over the words of ``texts``; V counts their words and one unknown."""

    def __init__(self, texts: Sequence[str]) -> None:
        sequences = [words(text) for text in texts]
        self._pairs = Counter(pair for one in sequences for pair in ngrams(one, 2))
        self._firsts = Counter(word for one in sequences for word in one[:-1])
        self._size = len({word for one in sequences for word in one}) + 1

    def log_probability(self, text: str, *, skip: int = 0) -> float:
        """Mean log-probability of the text's words after the first; ``skip`` more leading words only condition.

        0 where no word is left to score.
        """
        pairs = ngrams(words(text), 2)[skip:]
        terms = [log((self._pairs[v, w] + 1) / (self._firsts[v] + self._size)) for v, w in pairs]
        return sum(terms) / len(terms) if terms else 0.0


def bigram_signal(canaries: Sequence[str], texts: Sequence[str], *, skip: int = 0) -> Floats:
    """``[c]``: mean log-probability of each canary under a bigram model of ``texts``."""
    model = BigramModel(texts)
    return np.array([model.log_probability(one, skip=skip) for one in canaries])


def jaccard_signal(canaries: Sequence[str], texts: Sequence[str], *, nearest: int = NEAREST) -> Floats:
    """``[c]``: mean Jaccard similarity of word sets to the ``nearest`` most similar of ``texts``."""
    from sklearn.feature_extraction.text import CountVectorizer

    if not canaries or not texts:
        raise DataError(f"{len(canaries)} canaries and {len(texts)} synthetic texts: give at least one of each")
    counter = CountVectorizer(analyzer=words, binary=True, dtype=np.float64)
    both: Any = counter.fit_transform([*canaries, *texts])
    left, right = both[: len(canaries)], both[len(canaries) :]
    shared = (left @ right.T).toarray()
    sizes = np.asarray(both.sum(1)).ravel()
    union = sizes[: len(canaries), None] + sizes[None, len(canaries) :] - shared
    return mean_of_top(shared / np.maximum(union, 1.0), nearest)


def cosine_signal(canaries: Floats, texts: Floats, *, nearest: int = NEAREST) -> Floats:
    """``[c]``: mean cosine of embeddings ``canaries [c, d]`` to the ``nearest`` most similar of ``texts [s, d]``."""
    scaled = [x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30) for x in (canaries, texts)]
    return mean_of_top(scaled[0] @ scaled[1].T, nearest)


def mean_of_top(similarities: Floats, nearest: int) -> Floats:
    """``[c]``: mean of the ``nearest`` largest entries (all, if there are fewer) of each row of ``[c, s]``."""
    kept = min(nearest, similarities.shape[1])
    top: Floats = np.partition(similarities, similarities.shape[1] - kept, axis=1)[:, -kept:].mean(1)
    return top
