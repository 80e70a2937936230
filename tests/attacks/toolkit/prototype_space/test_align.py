from __future__ import annotations

import numpy as np
import pytest

from attacks.toolkit.prototype_space.align import fit_aligner, identity
from attacks.toolkit.prototype_space.moments import ClassMoments
from attacks.toolkit.prototype_space.release_test import mean_release_llr
from harness.errors import DataError
from harness.metrics.membership import auc


def test_a_clients_own_space_is_learned_from_known_releases() -> None:
    """Prototypes pass through a secret map; the membership test through the fitted one is as good as in the clear."""
    rng = np.random.default_rng(0)
    d, n = 40, 4
    secret, model = rng.normal(size=(d, 24)), ClassMoments(np.zeros(d), np.eye(d))
    means = rng.normal(size=(600, d)) / n**0.5
    aligner = fit_aligner(means, means @ secret + 2 + rng.normal(size=(600, 24)) * 0.02)
    np.testing.assert_allclose(aligner.weight, secret, atol=0.05)
    assert np.diag(aligner.error).mean() < 0.01
    scores, clear = [], []
    for _ in range(200):
        inside, outside = rng.normal(size=(n, d)), rng.normal(size=(1, d))
        x, p = np.concatenate([inside[:1], outside]), inside.mean(0) @ secret + 2
        moments = aligner.moments({"a": model})["a"]
        scores.append(mean_release_llr(aligner.points(x), p, n, moments, aligner.error))
        clear.append(mean_release_llr(x @ secret, p - 2, n, ClassMoments(np.zeros(24), secret.T @ secret)))
    reached, best = (auc(np.array(s).T.ravel(), [1] * 200 + [0] * 200) for s in (scores, clear))
    assert reached > 0.95 and abs(reached - best) < 0.02


def test_the_identity_changes_nothing_and_few_pairs_are_refused() -> None:
    same = identity(3)
    np.testing.assert_array_equal(same.points(np.eye(3)), np.eye(3))
    with pytest.raises(DataError, match="too few"):
        fit_aligner(np.zeros((4, 3)), np.zeros((4, 3)))
