from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.score import Auc, BalancedAccuracy, Mean, Statistic, TprAtFpr


def slow_tpr(scores: np.ndarray, labels: np.ndarray, alpha: float) -> float:
    """Every threshold in turn, by counting."""
    best = 0.0
    for threshold in sorted({*scores.tolist(), np.inf}):
        guess = scores >= threshold
        false, true = (guess & (labels == 0)).sum(), (guess & (labels == 1)).sum()
        if false <= alpha * (labels == 0).sum() + 1e-9:
            best = max(best, true / (labels == 1).sum())
    return float(best)


def slow_auc(scores: np.ndarray, labels: np.ndarray, alpha: float) -> float:
    pairs = product(scores[labels == 1], scores[labels == 0])
    return float(np.mean([1.0 if m > o else 0.5 if m == o else 0.0 for m, o in pairs]))


def slow_recall(scores: np.ndarray, labels: np.ndarray, alpha: float) -> float:
    return float(np.mean([scores[labels == c].mean() for c in np.unique(labels)]))


def point(statistic: Statistic, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    x, d = statistic.linear(values, labels)
    shares: np.ndarray = x.sum(axis=0) / d.sum(axis=0)
    return shares


samples = st.integers(2, 25).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 6), min_size=n, max_size=n),
        st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda y: 0 < sum(y) < len(y)),
        st.lists(st.integers(1, 3), min_size=n, max_size=n),
        st.sampled_from([0.01, 0.1, 0.29, 0.5]),
    )
)
CASES = [(TprAtFpr, slow_tpr), (lambda a: Auc(), slow_auc), (lambda a: BalancedAccuracy(), slow_recall)]


@pytest.mark.parametrize(("make", "slow"), CASES, ids=["tpr", "auc", "balanced"])
@settings(max_examples=60, deadline=None)
@given(samples)
def test_point_and_weighted_values_match_the_slow_definition(make: Any, slow: Any, sample: Any) -> None:
    """A whole-number weight means that many copies of the record."""
    scores, labels, weights, alpha = (np.array(part) for part in sample)
    statistic, values = make(float(alpha)), scores[:, None] / 6.0
    assert point(statistic, values, labels)[0] == pytest.approx(slow(values[:, 0], labels, alpha))
    plain = statistic.resample(values, labels, np.ones((len(labels), 1)))
    assert plain[0, 0] == pytest.approx(slow(values[:, 0], labels, alpha))
    weighted = statistic.resample(values, labels, weights[:, None].astype(float))
    copies = np.repeat(np.arange(len(labels)), weights)
    assert weighted[0, 0] == pytest.approx(slow(values[copies, 0], labels[copies], alpha))


def test_membership_statistics_agree_with_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score, roc_curve

    rng = np.random.default_rng(1)
    labels = (rng.random(400) < 0.4).astype(int)
    scores = np.round(labels * 0.7 + rng.standard_normal(400), 1)
    assert point(Auc(), scores[:, None], labels)[0] == pytest.approx(roc_auc_score(labels, scores))
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    for alpha in (0.05, 0.1, 0.3):
        assert point(TprAtFpr(alpha), scores[:, None], labels)[0] == pytest.approx(tpr[fpr <= alpha][-1])


def test_undefined_records_are_left_out_for_that_entry_only() -> None:
    values = np.array([[0.2, np.nan], [0.4, 1.0], [np.nan, 0.5]])
    labels = np.zeros(3, dtype=int)
    assert point(Mean(), values, labels) == pytest.approx([0.3, 0.75])
    assert Mean().resample(values, labels, np.ones((3, 2))) == pytest.approx(np.array([[0.3] * 2, [0.75] * 2]))
    scored = np.array([[3.0], [1.0], [2.0], [np.nan], [0.0]])
    truth = np.array([1, 0, 1, 0, 0])
    for statistic in (TprAtFpr(0.1), Auc()):
        assert point(statistic, scored, truth)[0] == 1.0
        assert statistic.resample(scored, truth, np.ones((5, 1)))[0, 0] == 1.0


def test_a_class_without_a_defined_record_does_not_count_in_balanced_accuracy() -> None:
    values, labels = np.array([[1.0], [0.0], [np.nan]]), np.array([0, 0, 1])
    assert point(BalancedAccuracy(), values, labels)[0] == 0.5
    assert BalancedAccuracy().resample(values, labels, np.ones((3, 1)))[0, 0] == 0.5


def test_a_low_false_positive_rate_needs_enough_nonmembers() -> None:
    labels = np.array([1] * 10 + [0] * 999)
    assert TprAtFpr(0.01).remarks(labels) == ("few_nonmembers",)
    assert TprAtFpr(0.01).remarks(np.append(labels, 0)) == ()
    with pytest.raises(ValueError, match="false-positive rate"):
        TprAtFpr(0.0)
