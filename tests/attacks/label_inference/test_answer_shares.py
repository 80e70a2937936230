from __future__ import annotations

from math import exp

import numpy as np
import pytest

from attacks.label_inference.answer_shares import argmax_histogram, hard_labels, log_shares, mean_softmax
from harness.errors import DataError


def test_mean_softmax_follows_its_definition() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 5, 4)) * 2
    expected = np.zeros(4)
    for row in logits.reshape(-1, 4):
        expected += np.array([exp(value) for value in row]) / sum(exp(value) for value in row) / 15
    assert mean_softmax(logits) == pytest.approx(expected)
    assert mean_softmax(logits + 5.0) == pytest.approx(expected)


def test_histogram_counts_and_ties_favour_no_class() -> None:
    assert argmax_histogram(np.array([[0, 1], [1, 3]]), 4).tolist() == [0.25, 0.5, 0.0, 0.25]
    drawn = argmax_histogram(hard_labels(np.zeros((4000, 4)), np.random.default_rng(1)), 4)
    assert drawn == pytest.approx(0.25, abs=0.03)
    logits = np.random.default_rng(2).normal(size=(50, 4))
    assert (hard_labels(logits, np.random.default_rng(3)) == logits.argmax(1)).all()
    with pytest.raises(DataError, match="among 4 classes"):
        argmax_histogram(np.array([4]), 4)


def test_truncated_answers_share_what_is_missing() -> None:
    logits = np.array([[2.0, 1.0, -np.inf, -np.inf]])
    assert np.isfinite(log_shares(logits)).all() and mean_softmax(logits).sum() == pytest.approx(1)
    filled = np.exp(log_shares(logits, share_of_rest=0.1))
    assert filled[0, 2:] == pytest.approx([0.05, 0.05]) and filled.sum() == pytest.approx(1)
    assert filled[0, 0] / filled[0, 1] == pytest.approx(exp(1))
    untouched = np.random.default_rng(4).normal(size=(3, 4))
    assert log_shares(untouched, share_of_rest=0.1) == pytest.approx(log_shares(untouched))
    with pytest.raises(DataError, match="nan"):
        log_shares(np.array([[np.nan, 1.0]]))
