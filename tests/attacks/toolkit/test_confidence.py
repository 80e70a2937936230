from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from attacks.toolkit.confidence import LIMIT, label_margin, log_likelihood, logit_confidence, noise_variance
from harness.errors import DataError


def test_confidence_and_likelihood_follow_their_definitions() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(3, 7, 4)) * 3, rng.integers(4, size=7)
    for run in range(3):
        for record, label in enumerate(labels):
            shares = [exp(value) for value in logits[run, record]]
            p = shares[label] / sum(shares)
            assert log_likelihood(logits, labels)[run, record] == pytest.approx(log(p))
            assert logit_confidence(logits, labels)[run, record] == pytest.approx(log(p) - log(1 - p))


def test_sure_and_truncated_answers_stay_finite() -> None:
    logits = np.array([[1e4, 0.0, 0.0], [0.0, -np.inf, -np.inf], [-np.inf, 0.0, -np.inf]])
    labels = np.array([0, 0, 0])
    assert logit_confidence(logits, labels).tolist() == [LIMIT, LIMIT, -LIMIT]
    assert np.isfinite(log_likelihood(logits, labels)).all()
    assert logit_confidence(logits + 7.0, labels).tolist() == [LIMIT, LIMIT, -LIMIT]


def test_noise_variance_is_what_noise_does() -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(6, 5)) * 2, rng.integers(5, size=6)
    noisy = logits + 0.05 * rng.normal(size=(20000, 6, 5))
    for p, q in ((1.0, 0.0), (0.0, 1.0), (0.7, 0.4)):
        drawn = p * logit_confidence(noisy, labels) + q * label_margin(noisy, labels)
        assert np.var(drawn, axis=0) == pytest.approx(noise_variance(logits, labels, 0.05, (p, q)), rel=0.05)


def test_margin_follows_its_definition_and_ignores_offsets() -> None:
    logits, labels = np.random.default_rng(2).normal(size=(2, 4, 5)), np.array([0, 3, 4, 1])
    margins = label_margin(logits, labels)
    assert margins[1, 2] == pytest.approx(logits[1, 2, 4] - logits[1, 2].mean())
    assert label_margin(logits + 3.0, labels) == pytest.approx(margins)
    assert np.isfinite(label_margin(np.where(logits < 0, -np.inf, logits), labels)).all()


def test_every_problem_is_named() -> None:
    with pytest.raises(DataError, match="give"):
        logit_confidence(np.zeros((3, 4)), np.zeros(2, dtype=int))
    with pytest.raises(DataError, match=r"labels 0\.\.4 of 4 classes; 1 logits are nan"):
        logit_confidence(np.array([[np.nan, 0, 0, 0], [0, 0, 0, 0]]), np.array([0, 4]))
