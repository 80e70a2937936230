"""FuseGen's feedback and boosting, against slow definitions."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from harness.errors import DataError
from scenarios.synthetic_fusion.fusegen import (
    boosted,
    boosting_base,
    feedback,
    most_helpful,
    reweighted,
    screened,
    variability,
)
from tests.stand_ins.labelled_points import labelled_points


def test_variability_is_the_spread_over_models() -> None:
    rng = np.random.default_rng(0)
    models = [rng.uniform(size=7) for _ in range(3)]
    slow = [sqrt(sum((m[i] - sum(k[i] for k in models) / 3) ** 2 for m in models) / 3) for i in range(7)]
    assert np.allclose(variability(models), slow)
    assert variability(models[:1]).max() == 0
    with pytest.raises(DataError):
        variability([])


def test_candidates_come_from_both_ends() -> None:
    d = np.array([0.5, 0.1, 0.9, 0.3, 0.7, 0.2])
    assert sorted(screened(d, 4, 0.5)) == [1, 2, 4, 5]
    assert sorted(screened(d, 2, 0.0)) == [1, 5]
    assert sorted(screened(d, 2, 1.0)) == [2, 4]
    assert sorted(screened(d, 10, 0.5)) == list(range(6))
    for count, high in ((0, 0.5), (2, 1.5)):
        with pytest.raises(DataError):
            screened(d, count, high)


def test_most_helpful_is_the_smallest_influence() -> None:
    assert list(most_helpful(np.array([3.0, -2.0, -1.0, -9.0]), np.array([0, 1, 2]), 2)) == [1, 2]


def test_feedback_picks_rows_of_all_generators_and_follows_its_generator() -> None:
    x, y = labelled_points(3, 90)
    owners = ["g0", "g1", "g2"] * 30
    picked = [
        feedback(x, y, owners, ["a", "b", "c"], np.random.default_rng(5), candidates=20, samples=6, high=0.5)
        for _ in range(2)
    ]
    assert list(picked[0]) == list(picked[1])
    assert len(set(picked[0].tolist())) == 6


def test_feedback_leaves_out_harmful_texts() -> None:
    """Texts with a wrong label raise the loss on the rest, so they are not what generators are shown."""
    x, y = labelled_points(2, 200)
    wrong = set(range(0, 200, 5))
    y = [("b" if label == "a" else "a") if i in wrong else label for i, label in enumerate(y)]
    owners = ["g0", "g1"] * 100
    picked = feedback(x, y, owners, ["a", "b"], np.random.default_rng(0), candidates=100, samples=20, high=0.5)
    assert len(wrong & set(picked.tolist())) <= 2


def test_boosting_lowers_wrong_texts_by_confidence() -> None:
    weights = np.full(4, 0.5)
    own, wrong = np.array([0.9, 0.1, 0.4, 0.6]), np.array([False, True, True, False])
    beta = 3.0
    slow = [0.5, 0.5 * beta ** -(1 - 0.1), 0.5 * beta ** -(1 - 0.4), 0.5]
    slow = [w * 2.0 / sum(slow) for w in slow]
    assert np.allclose(reweighted(weights, own, wrong, beta), slow)
    assert boosting_base(1000, 30) == pytest.approx(1 + sqrt(2 * log(1000 / 30)))
    assert boosting_base(10, 30) == 2.0


def test_boosting_keeps_the_sum_and_finds_flipped_labels() -> None:
    x, y = labelled_points(2, 120)
    flipped = np.zeros(120, bool)
    flipped[::10] = True
    y = [("b" if label == "a" else "a") if flip else label for label, flip in zip(y, flipped, strict=True)]
    head, weights = boosted(x, y, ["a", "b"], 30)
    assert weights.sum() == pytest.approx(60)
    assert weights[flipped].mean() < 0.5 * weights[~flipped].mean()
    assert head.classes == ("a", "b")
