from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.toolkit.voting import vote_vectors
from harness.util.arrays import Floats
from tests.stand_ins.vote_world import halving


def slow_votes(
    records: Any, synthetic: Any, weights: Any, classes: tuple[list[str], list[str]] | None, farthest: Any
) -> Floats:
    rows = []
    for i, x in enumerate(records):
        near = sorted(
            (j for j in range(len(synthetic)) if classes is None or classes[0][i] == classes[1][j]),
            key=lambda j: np.linalg.norm(x - synthetic[j]) * (-1 if farthest else 1),
        )
        row = np.zeros(len(synthetic))
        for j, w in zip(near, weights, strict=False):
            row[j] = w
        rows.append(row)
    return np.stack(rows)


@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("weights", [(1.0,), halving(4)])
def test_votes_follow_their_definition(weights: Any, labelled: bool, farthest: bool) -> None:
    rng = np.random.default_rng(0)
    records, synthetic = rng.normal(size=(20, 5)), rng.normal(size=(9, 5))
    classes = ([*"ab"] * 10, [*"aabbbbbbb"]) if labelled else None
    fast = vote_vectors(records, synthetic, weights, classes=classes, farthest=farthest)
    np.testing.assert_array_equal(fast, slow_votes(records, synthetic, weights, classes, farthest))


@pytest.mark.parametrize("ranks", range(1, 9))
def test_the_size_of_one_vote(ranks: Any) -> None:
    """L1 sizes 1, 1.5, 1.75, ... below 2, L2 of eight ranks 1.1547, and with the farthest as well 1.633."""
    weights = halving(ranks)
    assert sum(weights) == 2 - 0.5 ** (ranks - 1)
    votes = vote_vectors(np.zeros((1, 2)), np.random.default_rng(0).normal(size=(20, 2)), weights)
    assert np.linalg.norm(votes) == pytest.approx(np.sqrt(sum(4.0**-k for k in range(ranks))))
    if ranks == 8:
        assert np.linalg.norm(votes) == pytest.approx(1.1547, abs=1e-4)
        assert np.sqrt(2) * np.linalg.norm(votes) == pytest.approx(1.633, abs=1e-3)
