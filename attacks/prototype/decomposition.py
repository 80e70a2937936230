"""Inversion of a mean of several records: sparse non-negative decomposition over embeddings of candidate texts.

A prototype of n records is ``sum_i w_i phi(x_i)`` with ``w_i = 1 / n``. Over a dictionary of candidate embeddings
that holds the records the decomposition finds them; over one that does not, the chosen candidates still share words
and topics with them. (Non-negative least squares: Lawson and Hanson 1974; positive lasso: Tibshirani 1996.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from attacks.synthetic_text.words import words
from harness.attack import Floats

__all__ = ["keywords", "lasso_weights", "nnls_weights", "top_candidates"]


def nnls_weights(prototype: Floats, dictionary: Floats) -> Floats:
    """Weights ``[m] >= 0`` that minimise ``|w dictionary - prototype|``: ``dictionary [m, d]``, ``prototype [d]``."""
    from scipy.optimize import nnls

    weights: Floats = nnls(dictionary.T, prototype, maxiter=20 * len(dictionary))[0]
    return weights


def lasso_weights(prototype: Floats, dictionary: Floats, count: float) -> Floats:
    """Non-negative weights ``[m]`` of the candidates that the positive lasso keeps, refitted without the penalty.

    The penalty is the smallest on its path (least angle regression: Efron et al. 2004) that keeps at most ``2 count``
    candidates, within twice as many steps, each of which lets one in or out: under noise, plain least squares would
    spread over many small weights.
    """
    from sklearn.linear_model import lars_path

    budget = min(max(2 * round(count), 1), len(dictionary))
    _, _, weights = lars_path(dictionary.T, prototype, positive=True, method="lasso", max_iter=2 * budget)
    fitting = np.flatnonzero((weights > 0).sum(0) <= budget)
    kept = np.flatnonzero(weights[:, fitting[-1]] > 0)
    refitted = np.zeros(len(dictionary))
    refitted[kept] = nnls_weights(prototype, dictionary[kept]) if len(kept) else 0.0
    return refitted


def top_candidates(weights: Floats, most: int) -> list[int]:
    """Indices of the ``most`` largest positive weights, largest first."""
    order = np.argsort(-weights, kind="stable")[:most]
    return [int(i) for i in order if weights[i] > 0]


def keywords(weights: Floats, texts: Sequence[str], most: int) -> list[str]:
    """The ``most`` words that are heavy in the decomposition but not among candidates at large.

    A word's score is the weight share of candidates that hold it minus their share of all candidates: words that
    everyone uses cancel.
    """
    mass: Counter[str] = Counter()
    share = weights / max(float(weights.sum()), 1e-30)
    for text, weight in zip(texts, share, strict=True):
        for word in set(words(text)):
            mass[word] += weight - 1 / len(texts)
    return [word for word, _ in sorted(mass.items(), key=lambda pair: (-pair[1], pair[0]))[:most]]
