"""Rounds summed and weighed: their gain, and none from nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.toolkit import lira
from attacks.toolkit.gaussians import fit_gaussians
from attacks.toolkit.looks import fit_weights, summed
from harness.errors import DataError
from harness.metrics.membership import auc
from tests.stand_ins.overfitted_heads import gaussian


def noisy_rounds(
    rng: np.random.Generator, rounds: int, power: float, noise: float, shadows: int = 64, candidates: int = 3000
) -> Any:
    toy = gaussian(rng, shadows, candidates, 0.0, spread=1.0)
    looks = power * toy.members[..., None] + rng.normal(size=candidates)[:, None]
    return looks + noise * rng.normal(size=(*toy.members.shape, rounds)), toy.members


def reach(looks: Any, members: Any, weigh: Any) -> float:
    scores = weigh(looks[1:], looks, members[1:])
    return auc(lira.online(scores[0], fit_gaussians(scores[1:], members[1:], fixed_variance=True)), members[0])


@pytest.mark.parametrize("rounds", [1, 4, 16])
def test_rounds_under_fresh_noise_gain_the_square_root(rounds: int) -> None:
    looks, members = noisy_rounds(np.random.default_rng(0), rounds, 1.0, 2.0)
    expected = lira.expected_auc(rounds**0.5 / 2.0)
    for weigh in (lambda s, x, m: summed(x), lambda s, x, m: x @ fit_weights(s, m)):
        assert reach(looks, members, weigh) == pytest.approx(expected, abs=0.025)


def test_weights_find_the_looks_that_tell() -> None:
    """One of three looks is moved by membership, one carries its noise alone, one is noise of its own."""
    rng = np.random.default_rng(1)
    looks, members = noisy_rounds(rng, 3, 0.0, 1.0)
    shared = 2.0 * rng.normal(size=members.shape)
    looks[..., 0] += members + shared
    looks[..., 1] += shared
    weights = fit_weights(looks[1:], members[1:])
    assert weights[0] > 0 > weights[1] and abs(weights[2]) < 0.2 * weights[0]
    weighed = reach(looks, members, lambda s, x, m: x @ fit_weights(s, m))
    assert weighed > reach(looks, members, lambda s, x, m: summed(x)) + 0.1
    with pytest.raises(DataError, match="looks"):
        fit_weights(looks[1:, :, 0], members[1:])
    with pytest.raises(DataError, match="use more shadows"):
        fit_weights(looks[:1], members[:1])
