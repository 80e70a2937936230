from __future__ import annotations

import numpy as np
import pytest

from attacks.label_inference.answer_shares import argmax_histogram, hard_labels
from attacks.label_inference.shift_estimate import black_box_shift, confusion, fit_response
from harness.errors import DataError
from tests.stand_ins.skewed_labels import CLASSES, bayes, distance


def test_black_box_shift_inverts_the_confusion_matrix() -> None:
    rng = np.random.default_rng(50)
    truth = rng.dirichlet([1.0] * 6)
    matrix = 0.6 * np.eye(6) + 0.4 * rng.dirichlet([1.0] * 6, size=6).T
    proportions = black_box_shift(matrix @ truth, matrix)
    assert proportions == pytest.approx(truth, abs=1e-6) and proportions == pytest.approx(
        np.linalg.inv(matrix) @ (matrix @ truth)
    )
    impossible = black_box_shift(np.array([1.0, 0, 0, 0, 0, 0]), matrix)
    assert impossible.min() >= 0 and impossible.sum() == pytest.approx(1) and impossible.argmax() == 0
    with pytest.raises(DataError, match="confusion"):
        black_box_shift(truth, matrix[:5])


def test_black_box_shift_finds_the_topics_of_the_inputs() -> None:
    """Its own setting: the same classifier, inputs of unknown proportions, hard answers."""
    rng = np.random.default_rng(51)
    party = bayes(rng, separation=0.7, public=20000)
    answers = hard_labels(party.reference, rng)
    matrix = confusion(answers[:10000], party.topics[:10000], CLASSES)
    weights = rng.dirichlet([0.5] * CLASSES)[party.topics[10000:]]
    drawn = 10000 + rng.choice(10000, size=5000, p=weights / weights.sum())
    truth = np.bincount(party.topics[drawn], minlength=CLASSES) / 5000
    histogram = argmax_histogram(answers[drawn], CLASSES)
    assert distance(black_box_shift(histogram, matrix), truth) < 0.05 < distance(histogram, truth)


def test_confusion_columns_are_answers_per_class() -> None:
    matrix = confusion(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), 4)
    assert matrix[:, 0].tolist() == [0.5, 0.5, 0, 0] and matrix[:, 1].tolist() == [0, 0.5, 0.5, 0]
    assert matrix[:, 2].tolist() == [0, 0, 1, 0] and matrix[:, 3].tolist() == [0, 0, 0, 1]
    with pytest.raises(DataError, match="one for each"):
        confusion(np.zeros(2, dtype=int), np.zeros(3, dtype=int), 4)


def test_shadows_teach_how_answers_respond_to_proportions() -> None:
    rng = np.random.default_rng(52)
    matrix = 0.3 * np.eye(5) + 0.7 * rng.dirichlet([1.0] * 5, size=5).T
    proportions = rng.dirichlet([0.5] * 5, size=200)
    response = fit_response(proportions @ matrix.T, proportions, np.eye(5))
    assert response == pytest.approx(matrix, abs=0.01)
    assert fit_response(np.zeros((0, 5)), np.zeros((0, 5)), matrix) == pytest.approx(matrix)
    with pytest.raises(DataError, match="start"):
        fit_response(proportions, proportions, np.eye(4))
