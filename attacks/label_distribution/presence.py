"""Which classes a party has: a class it never saw gets little probability even on that class's own texts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.errors import DataError
from harness.score.statistic import Floats, Mask

__all__ = ["class_presence", "learn_presence"]


def class_presence(answers: Floats, reference: Floats) -> Floats:
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
    gap = _log_odds(answers) - _log_odds(reference)
    return np.asarray((weights * gap).sum(0), dtype=np.float64)


def learn_presence(scores: Floats, present: Mask) -> Callable[[Floats], Floats]:
    """Score of :func:`class_presence` -> probability that the class is there, if half of all classes were.

    Logistic regression on ``scores [n]`` of parties of which it is known what is ``present [n]`` (Platt 1999). It keeps
    the order of scores, and puts 1/2 where balanced accuracy wants its threshold, which a defense moves.
    """
    from sklearn.linear_model import LogisticRegression

    scale = float(scores.std()) or 1.0
    model = LogisticRegression(class_weight="balanced", max_iter=500).fit(scores[:, None] / scale, present)
    return lambda found: np.asarray(model.predict_proba(found[:, None] / scale)[:, 1], dtype=np.float64)


def _log_odds(logs: Floats) -> Floats:
    """Within +-20, so that one certain text does not decide."""
    capped = np.minimum(logs, -1e-9)
    return np.asarray(np.clip(capped - np.log(-np.expm1(capped)), -20.0, 20.0), dtype=np.float64)
