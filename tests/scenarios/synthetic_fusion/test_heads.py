"""The task model and influence on it, against retraining."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import DataError
from harness.util.arrays import Floats
from scenarios.synthetic_fusion.heads import fit_head, influence, labels_by_words
from tests.stand_ins.labelled_points import labelled_points


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_the_library(classes: int) -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = labelled_points(classes, 60)
    weights = np.random.default_rng(1).uniform(0.1, 1, size=60)
    reference = LogisticRegression(C=10.0, max_iter=2000, tol=1e-6).fit(x, y, sample_weight=weights)
    head = fit_head(x, y, sorted(set(y)), weights)
    assert np.allclose(head.probabilities(x), reference.predict_proba(x))
    assert head.labels(x) == list(reference.predict(x))


def test_weight_zero_is_absence() -> None:
    x, y = labelled_points(2, 40)
    weights = np.r_[np.ones(30), np.zeros(10)]
    some = fit_head(x[:30], y[:30], ["a", "b"])
    assert np.allclose(fit_head(x, y, ["a", "b"], weights).weight, some.weight, atol=1e-3)


def test_a_class_without_texts_is_never_predicted() -> None:
    x, y = labelled_points(2, 40)
    head = fit_head(x, y, ["a", "b", "z"])
    assert "z" not in head.labels(10 * x)
    assert head.probabilities(x)[:, 2].max() < 1e-6
    assert set(fit_head(x, ["a"] * 40, ["a", "b"]).labels(x)) == {"a"}


@pytest.mark.parametrize("classes", [2, 3])
def test_influence_is_the_derivative_of_retraining(classes: int) -> None:
    x, y = labelled_points(classes, 120)
    (x, held_x), (y, held_y) = (x[:80], x[80:]), (y[:80], y[80:])
    names = sorted(set(y))
    found = influence(fit_head(x, y, names), x, y, (held_x, held_y))

    def loss(weights: Floats) -> float:
        p = fit_head(x, y, names, weights).probabilities(held_x)
        return -float(np.mean(np.log(p[range(40), [names.index(label) for label in held_y]])))

    for i in range(0, 80, 16):
        step = np.zeros(80)
        step[i] = 0.1
        slope = (loss(np.ones(80) + step) - loss(np.ones(80) - step)) / 0.2
        assert found[i] == pytest.approx(slope, rel=0.05, abs=1e-4)


def test_bad_input() -> None:
    x, y = labelled_points(2, 10)
    for bad in ((x[:0], []), (x, y[:4]), (x, ["q"] * 10)):
        with pytest.raises(DataError):
            fit_head(bad[0], bad[1], ["a", "b"])


def test_words_tell_classes_apart() -> None:
    texts = ["money transfer account", "open an account", "see you tonight", "dinner tonight my friend"]
    labels = ["bank", "bank", "friend", "friend"]
    assert labels_by_words(texts, labels, ["my account", "dinner tonight"]) == ["bank", "friend"]
    assert labels_by_words(texts[:2], labels[:2], ["dinner"]) == ["bank"]
