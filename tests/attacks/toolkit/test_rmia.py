from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.toolkit.rmia import SLOPES, fit_slope, marginal, rmia
from harness.errors import DataError
from harness.metrics.membership import auc, tpr_at_fpr
from harness.util.arrays import Floats, Mask
from tests.stand_ins.overfitted_heads import gaussian


def probabilities(toy: Any) -> Any:
    return 1 / (1 + np.exp(-toy.scores))


def slow(
    target: Floats,
    shadows: Floats,
    members: Mask,
    population: Floats,
    population_shadows: Floats,
    gamma: float,
    slope: float | None,
) -> Floats:
    """Pairs of candidate and population point, one by one (their equations 3 and 4, and the offline rule)."""
    shares = []
    for c in range(len(target)):
        inside, outside = shadows[members[:, c], c], shadows[~members[:, c], c]
        within = inside.mean() if slope is None else slope * outside.mean() + 1 - slope
        p_x = (within + outside.mean()) / 2
        wins = 0
        for z in range(len(population)):
            mean = population_shadows[:, z].mean()
            p_z = mean if slope is None else ((1 + slope) * mean + 1 - slope) / 2
            wins += (target[c] / p_x) / (population[z] / p_z) >= gamma
        shares.append(wins / len(population))
    return np.array(shares)


@pytest.mark.parametrize("slope", [None, 0.3])
@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_rmia_follows_its_definition_up_to_the_breaking_of_ties(slope: float | None, gamma: float) -> None:
    rng = np.random.default_rng(0)
    toy, other = gaussian(rng, 20, 40, 2.0), gaussian(rng, 20, 60, 0.0)
    p, z = probabilities(toy), probabilities(other)
    ratios = p[0] / marginal(p[1:], toy.members[1:], slope)
    scores = rmia(ratios, z[0] / marginal(z[1:], None, slope), gamma)
    expected = slow(p[0], p[1:], toy.members[1:], z[0], z[1:], gamma, slope)
    assert ((scores >= expected) & (scores < expected + 1 / 60)).all()


@pytest.mark.parametrize("shadows", [1, 2, 16])
def test_even_one_reference_beats_the_global_threshold(shadows: int) -> None:
    rng = np.random.default_rng(1)
    toy, other = gaussian(rng, shadows, 4000, 2.0), gaussian(rng, shadows, 1000, 0.0)
    p, z = probabilities(toy), probabilities(other)
    ratios = p[0] / marginal(p[1:], toy.members[1:], 0.3)
    relative = rmia(ratios, z[0] / marginal(z[1:], None, 0.3))
    assert auc(relative, toy.members[0]) > auc(p[0], toy.members[0]) + 0.05


def test_no_membership_effect_is_chance() -> None:
    rng = np.random.default_rng(2)
    toy, other = gaussian(rng, 16, 8000, 0.0), gaussian(rng, 16, 1000, 0.0)
    p, z = probabilities(toy), probabilities(other)
    for slope in (None, 0.5):
        ratios = p[0] / marginal(p[1:], toy.members[1:], slope)
        relative = rmia(ratios, z[0] / marginal(z[1:], None, slope))
        assert auc(relative, toy.members[0]) == pytest.approx(0.5, abs=0.02)
        assert tpr_at_fpr(relative, toy.members[0], 0.01) == pytest.approx(0.01, abs=0.008)


def test_ties_among_few_population_points_are_broken_by_the_ratio() -> None:
    scores = rmia(np.array([5.0, 6.0, 0.1, 0.2]), np.array([1.0]))
    assert scores[1] > scores[0] > 1 > scores[3] > scores[2] >= 0


def test_the_slope_is_chosen_on_shadows() -> None:
    rng = np.random.default_rng(3)
    toy, other = gaussian(rng, 6, 1000, 2.0), gaussian(rng, 6, 500, 0.0)
    p, z = probabilities(toy), probabilities(other)
    best = fit_slope(p[1:], toy.members[1:], z[1:])

    def power(slope: float) -> float:
        ratios = p[0] / marginal(p[1:], toy.members[1:], slope)
        return auc(rmia(ratios, z[0] / marginal(z[1:], None, slope)), toy.members[0])

    assert power(best) > max(power(slope) for slope in SLOPES) - 0.01
    with pytest.raises(DataError, match="target and another"):
        fit_slope(p[:1], toy.members[:1], z[:1])


def test_a_record_without_the_reference_it_needs_uses_all_models() -> None:
    p = np.array([[0.2, 0.4], [0.6, 0.8]])
    always_in = np.array([[True, False], [True, True]])
    assert marginal(p, always_in)[0] == pytest.approx(0.4)
    assert marginal(p, always_in, 1.0)[0] == pytest.approx(0.4)
    with pytest.raises(DataError, match="positive"):
        rmia(np.ones(2), np.ones(0))
