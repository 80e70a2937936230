"""Which classes a party has: to a class it never saw it never says yes, whatever the text.

The :func:`peak` is the most that a party ever says for a class: a single record raises it on the texts that are like
it; the :func:`crest` is the mean of a few such answers. The :func:`gap` is a mean over the class's own texts, which
noise averages out of. On FedMD with publishers of tweets as classes, Dirichlet shares of 0.1 and 0.5, the peak has an
AUC of 0.98 to 1.00 and the gap one of 0.80 to 0.88, because most classes that are there have few records; under noise
that drowns single answers the gap is ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from harness.attack import DataError, Floats, Mask, auc

__all__ = ["FRACTION", "best_score", "crest", "gap", "learn_presence", "peak"]

FRACTION = 0.05
"""Of the public texts, those that :func:`crest` averages over."""


def peak(answers: Floats) -> Floats:
    """Score ``[classes]``: the largest answer for each class on any text, less what that text gives all classes.

    ``answers [rounds, n, classes]`` are log-shares or logits; rounds are averaged. Raises DataError for another shape.
    """
    return crest(answers, texts=1)


def crest(answers: Floats, *, texts: int = 0) -> Floats:
    """The same over the ``texts`` largest answers for each class, a :data:`FRACTION` of all where 0: steadier."""
    if answers.ndim != 3 or not answers.shape[1]:
        raise DataError(f"answers {list(answers.shape)}; give [rounds, n, classes] on at least one public text")
    centred = answers - answers.mean(-1, keepdims=True)
    most = texts or max(round(FRACTION * answers.shape[1]), 1)
    return np.asarray(np.sort(centred, axis=1)[:, -most:].mean((0, 1)), dtype=np.float64)


def gap(answers: Floats, reference: Floats) -> Floats:
    """Score ``[classes]``, larger for classes that the party has: its mean log-odds of a class on texts of that class.

    ``answers [n, classes]`` are the party's log-shares, ``reference [n, classes]`` those of a model that knows all
    classes and says what the texts are about. The reference's own log-odds on the same texts are subtracted: some
    classes are hard for everyone.

    Raises:
        DataError: shapes differ.
    """
    if answers.ndim != 2 or answers.shape != reference.shape:
        raise DataError(f"answers {list(answers.shape)}, reference {list(reference.shape)}; give [n, classes] twice")
    weights = np.exp(reference)
    weights /= weights.sum(0, keepdims=True) + 1e-12
    above = _log_odds(answers) - _log_odds(reference)
    return np.asarray((weights * above).sum(0), dtype=np.float64)


def learn_presence(scores: Floats, present: Mask) -> Callable[[Floats], Floats]:
    """Score -> probability that the class is there, if half of all classes were.

    Logistic regression on ``scores [n]`` of parties of which it is known what is ``present [n]`` (Platt 1999). It keeps
    the order of scores, and puts 1/2 where balanced accuracy wants its threshold, which a defense moves.
    """
    from sklearn.linear_model import LogisticRegression

    scale = float(scores.std()) or 1.0
    model = LogisticRegression(class_weight="balanced", max_iter=500).fit(scores[:, None] / scale, present)
    return lambda found: np.asarray(model.predict_proba(found[:, None] / scale)[:, 1], dtype=np.float64)


def best_score(scores: Sequence[Floats], present: Mask) -> int:
    """Which of ``scores [n]`` tells best which of ``present [n]`` classes are there, by AUC; of equal ones the first.

    Raises:
        DataError: all classes are there, or none.
    """
    if present.all() or not present.any():
        raise DataError(f"{int(present.sum())} of {len(present)} classes are there: no score can be told from another")
    return int(np.argmax([auc(one, present.astype(int)) for one in scores]))


def _log_odds(logs: Floats) -> Floats:
    """Within +-20, so that one certain text does not decide."""
    capped = np.minimum(logs, -1e-9)
    return np.asarray(np.clip(capped - np.log(-np.expm1(capped)), -20.0, 20.0), dtype=np.float64)
