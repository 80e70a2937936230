from __future__ import annotations

import numpy as np
import pytest

from attacks.property_inference.prototype_property import fit_mean_probe, simulated_means
from harness.errors import DataError
from harness.metrics.membership import auc


def test_a_planted_attribute_of_a_mean_is_found() -> None:
    """80 against 20 percent of 50 records; one record's embedding says little about its attribute."""
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 2, 2000)
    embeddings = rng.normal(size=(2000, 64)) + 0.9 * marks[:, None] * np.eye(64)[0]
    x, y = simulated_means(embeddings[:1000], marks[:1000].tolist(), 50, (0.2, 0.8), 1000, rng)
    fresh, truth = simulated_means(embeddings[1000:], marks[1000:].tolist(), 50, (0.2, 0.8), 200, rng)
    single = fit_mean_probe(embeddings[:1000], marks[:1000].tolist()).predict_proba(embeddings[1000:])[:, 1]
    assert auc(fit_mean_probe(x, y).predict_proba(fresh)[:, 1], truth) > 0.9
    assert auc(single, marks[1000:]) < 0.78


def test_equal_shares_and_overwhelming_noise_are_chance() -> None:
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 2, 1000)
    embeddings = rng.normal(size=(1000, 16)) + marks[:, None]
    x, y = simulated_means(embeddings, marks.tolist(), 20, (0.5, 0.5), 300, rng)
    fresh, truth = simulated_means(embeddings, marks.tolist(), 20, (0.5, 0.5), 300, rng)
    assert abs(auc(fit_mean_probe(x, y).predict_proba(fresh)[:, 1], truth) - 0.5) < 0.12
    loud = fit_mean_probe(x, y, noise=100.0, rng=rng)
    assert abs(auc(loud.predict_proba(rng.normal(size=(300, 16)) * 10)[:, 1], truth) - 0.5) < 0.12
    with pytest.raises(DataError, match="both values"):
        simulated_means(embeddings, [1] * 1000, 20, (0.5, 0.5), 3, rng)
