from __future__ import annotations

import numpy as np
import pytest

from attacks.embedding_inversion.prototype_decoder.bag_decoder import n_means
from harness.errors import DataError


def test_n_means_are_means_of_distinct_rows() -> None:
    rng = np.random.default_rng(0)
    means, shares = n_means(np.eye(10), 4, 20, rng)
    np.testing.assert_array_equal(means, shares)
    assert ((shares > 0).sum(1) == 4).all() and np.allclose(shares.sum(1), 1)
    with pytest.raises(DataError, match="out of 10"):
        n_means(np.eye(10), 11, 1, rng)
