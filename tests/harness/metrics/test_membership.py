"""ROC metrics against pair counting, an exhaustive threshold search and scikit-learn."""

from __future__ import annotations

from math import inf, isclose, isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DataError
from harness.metrics import auc, balanced_accuracy, roc, tpr_at_fpr

SCORED = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({member for _, member in rows}) == 2
)
ALPHA = st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 1.0])


def slow_auc(scores: Any, labels: Any) -> float:
    wins = [
        1.0 if member > other else 0.5 if member == other else 0.0
        for member, yes in zip(scores, labels, strict=True)
        for other, no in zip(scores, labels, strict=True)
        if yes and not no
    ]
    return sum(wins) / len(wins)


def slow_tpr(scores: Any, labels: Any, alpha: float) -> float:
    best = 0.0
    for threshold in [*scores, inf]:
        said = [score >= threshold for score in scores]
        false = [yes for yes, member in zip(said, labels, strict=True) if not member]
        true = [yes for yes, member in zip(said, labels, strict=True) if member]
        if sum(false) / len(false) <= alpha:
            best = max(best, sum(true) / len(true))
    return best


@given(SCORED, ALPHA)
def test_slow_definitions(rows: Any, alpha: float) -> None:
    scores, labels = zip(*rows, strict=True)
    assert isclose(auc(scores, labels), slow_auc(scores, labels), abs_tol=1e-12)
    assert tpr_at_fpr(scores, labels, alpha) == slow_tpr(scores, labels, alpha)


@pytest.mark.parametrize("ties", [False, True])
def test_scikit_learn_agrees(ties: bool) -> None:
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 2000)
    scores = rng.normal(labels * 1.0)
    scores = scores.round(1) if ties else scores
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    mine = roc(scores, labels)
    np.testing.assert_allclose(mine[0], false)
    np.testing.assert_allclose(mine[1], true)
    for alpha in (0.0, 0.001, 0.01, 0.1):
        assert tpr_at_fpr(scores, labels, alpha) == pytest.approx(true[false <= alpha].max())
    guess = (scores > 0.5).astype(int)
    expected = balanced_accuracy_score(labels, guess)
    assert balanced_accuracy(guess.tolist(), labels.tolist()) == pytest.approx(expected)


@given(SCORED)
def test_order_preserving_maps_change_nothing_and_reversal_mirrors(rows: Any) -> None:
    scores, labels = zip(*rows, strict=True)
    stretched = np.exp(np.array(scores, dtype=float)) * 7 + 2
    assert auc(stretched, labels) == auc(scores, labels)
    assert isclose(auc([-score for score in scores], labels), 1 - auc(scores, labels), abs_tol=1e-12)


def test_ties_are_one_point_that_cannot_be_split() -> None:
    # The two top scores tie: taking the member without the non-member is not a threshold.
    assert tpr_at_fpr([2, 2, 1, 0], [1, 0, 1, 0], 0.0) == 0.0
    assert tpr_at_fpr([2, 2, 1, 0], [1, 0, 1, 0], 0.5) == 1.0
    assert auc([5, 5, 5, 5], [1, 0, 1, 0]) == 0.5


def test_ten_of_a_thousand_is_one_percent() -> None:
    scores = [3.0] * 10 + [1.0] * 990 + [2.0] * 100
    labels = [0] * 1000 + [1] * 100
    assert tpr_at_fpr(scores, labels, 0.01) == 1.0
    assert tpr_at_fpr(scores, labels, 0.0099) == 0.0


def test_infinite_scores_are_scores() -> None:
    assert auc([inf, inf, -inf, -inf], [1, 0, 1, 0]) == 0.5


def test_one_class_alone_is_undefined() -> None:
    assert isnan(auc([1, 2], [1, 1]))
    assert isnan(auc([], []))
    assert isnan(tpr_at_fpr([1, 2], [1, 1], 0.1))
    assert isnan(tpr_at_fpr([1, 2], [0, 0], 0.1))
    assert isnan(balanced_accuracy([], []))


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(DataError, match=r"shape \(3,\).*1 scores are nan.*labels other than"):
        auc([1, 2, float("nan")], [0, 2])
    with pytest.raises(DataError, match="alpha"):
        tpr_at_fpr([1, 2], [0, 1], 1.5)
    with pytest.raises(DataError, match="2 guesses for 1"):
        balanced_accuracy([1, 2], [1])


def test_balanced_accuracy_weighs_classes_not_records() -> None:
    truth = ["ham"] * 98 + ["spam"] * 2
    assert balanced_accuracy(["ham"] * 100, truth) == 0.5
    assert balanced_accuracy(["never seen"] * 100, truth) == 0.0
