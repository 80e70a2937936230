"""Metrics of yes-or-no and multi-class guesses about records. A higher score says "member"; label 1 is a member."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from harness.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["auc", "balanced_accuracy", "roc", "tpr_at_fpr"]


def roc(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """The points of the ROC curve, from (0, 0) to (1, 1), as false and true positive rates.

    Every distinct score is one threshold, so equal scores make one point: no order among ties is assumed. Rates
    are nan where there are no non-members, or no members.

    Raises:
        DataError: lengths differ, a score is nan, or a label is not 0 or 1.
    """
    import numpy as np

    values, members = _checked(scores, labels)
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    last_of_score = np.append(ranked[1:] != ranked[:-1], True)[: ranked.size]
    true = np.append(0, np.cumsum(members[order])[last_of_score])
    false = np.append(0, np.cumsum(~members[order])[last_of_score])
    positives, negatives = int(members.sum()), int((~members).sum())
    return _rate(false, negatives), _rate(true, positives)


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Probability that a member scores above a non-member, ties counted half; nan without one of them.

    Raises:
        DataError: as :func:`roc`.
    """
    import numpy as np

    false, true = roc(scores, labels)
    if np.isnan(false[-1] + true[-1]):
        return nan
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))


def tpr_at_fpr(scores: ArrayLike, labels: ArrayLike, alpha: float) -> float:
    """True positive rate of the last ROC point whose false positive rate is at most ``alpha``.

    Nothing is interpolated between points. With n non-members, an ``alpha`` below 1/n allows no false positive:
    the value is then that of the best threshold above every non-member (Carlini et al. 2022, section III).

    Raises:
        DataError: as :func:`roc`, or ``alpha`` is outside 0..1.
    """
    if not 0 <= alpha <= 1:
        raise DataError(f"alpha is {alpha}: a false positive rate lies between 0 and 1")
    false, true = roc(scores, labels)
    # The slack lets 10 of 1000 count as 1 %, whatever the rounding of alpha.
    return float(true[false <= alpha + 1e-12][-1]) if false[-1] == 1 else nan


def balanced_accuracy(guess: Sequence[object], truth: Sequence[object]) -> float:
    """Mean over the classes of ``truth`` of the share guessed right; nan where there are no records.

    Raises:
        DataError: lengths differ.
    """
    if len(guess) != len(truth):
        raise DataError(f"{len(guess)} guesses for {len(truth)} records: give one for each")
    hits: dict[object, list[bool]] = {}
    for guessed, true in zip(guess, truth, strict=True):
        hits.setdefault(true, []).append(guessed == true)
    return sum(sum(row) / len(row) for row in hits.values()) / len(hits) if hits else nan


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    import numpy as np

    values, marks = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    problems = []
    if values.ndim != 1 or values.shape != marks.shape:
        problems.append(f"scores of shape {values.shape} for labels of shape {marks.shape}; give two equal lists")
    if np.isnan(values).any():
        problems.append(f"{int(np.isnan(values).sum())} scores are nan; an attack that abstains gives its lowest score")
    if not np.isin(marks, (0, 1)).all():
        problems.append("labels other than 0 and 1")
    if problems:
        raise DataError("cannot score membership: " + "; ".join(problems))
    return values, marks.astype(bool)


def _rate(counts: NDArray[Any], total: int) -> NDArray[Any]:
    import numpy as np

    return counts / total if total else np.full(counts.shape, nan)
