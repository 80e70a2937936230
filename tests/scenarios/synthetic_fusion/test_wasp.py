"""WASP's shares of generators."""

from __future__ import annotations

import numpy as np

from scenarios.synthetic_fusion.wasp import generator_shares


def test_generator_shares() -> None:
    near, owners = np.array([3.0, 1.0, 0.0, 0.0]), [0, 0, 1, 1]
    scores = np.array([(4 / 4) * 4 / 2, 0.0])
    assert np.allclose(generator_shares(near, owners, 2), np.exp(scores) / np.exp(scores).sum())
    assert np.allclose(generator_shares(-near, owners, 2), 0.5)
    assert generator_shares(np.ones(4), owners, 2).tolist() == [0.5, 0.5]
