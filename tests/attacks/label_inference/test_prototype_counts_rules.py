from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.label_inference.prototype_counts import MOST, excess_distance_rule, variance_rule
from attacks.label_inference.prototype_shares import proportions
from attacks.toolkit.prototype_space.likeliest_count import likelihood_rule
from attacks.toolkit.prototype_space.moments import ClassMoments
from harness.errors import DataError

MODEL = ClassMoments(np.ones(200), np.diag(np.arange(1, 201) ** -0.5))


def sample(
    rng: np.random.Generator, n: int, noise: float = 0.0, per_record: float = 0.0, model: ClassMoments = MODEL
) -> Any:
    spread = np.sqrt(np.diag(model.covariance))
    mean = (rng.normal(size=(n, len(spread))) * spread + model.mean).mean(0)
    return mean + rng.normal(scale=(noise + per_record / n**2) ** 0.5, size=len(spread))


@pytest.mark.parametrize("rule", [excess_distance_rule, likelihood_rule])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_counts_follow_from_the_distance_to_the_class_mean(rule: Any, noise: float) -> None:
    rng = np.random.default_rng(0)
    for n in (1, 4, 20):
        median = np.median([rule(sample(rng, n, noise), MODEL, noise) for _ in range(40)])
        assert median == pytest.approx(n, rel=0.25)


@pytest.mark.parametrize("rule", [excess_distance_rule, likelihood_rule])
def test_noise_that_depends_on_the_count_is_told_from_few_records(rule: Any) -> None:
    """Noise of clipped means shrinks with n: taken for a constant, or left out, single records seem fewer still."""
    rng = np.random.default_rng(3)
    for n in (1, 4, 20):
        sent = [sample(rng, n, 0.001, 0.5) for _ in range(60)]
        assert np.median([rule(p, MODEL, 0.001, 0.5) for p in sent]) == pytest.approx(n, rel=0.25)
    four = [sample(rng, 4, 0.0, 1.0) for _ in range(60)]
    assert np.median([rule(p, MODEL) for p in four]) < 2.5  # what leaving the noise out makes of four
    assert np.median([rule(p, MODEL, 0.0, 1.0) for p in four]) == pytest.approx(4, rel=0.25)


def test_the_distance_rule_is_the_root_of_its_equation() -> None:
    rng = np.random.default_rng(4)
    for always, per_record in ((0.0, 0.0), (0.01, 0.0), (0.0, 0.3), (0.02, 0.7)):
        p = sample(rng, 3, always, per_record)
        n = excess_distance_rule(p, MODEL, always, per_record)
        expected = MODEL.trace / n + 200 * (always + per_record / n**2)
        assert n > 1 and expected == pytest.approx(((p - MODEL.mean) ** 2).sum())


def test_the_likelihood_uses_every_direction() -> None:
    rng = np.random.default_rng(1)
    steep = ClassMoments(np.zeros(200), np.diag(np.arange(1, 201) ** -1.5))
    errors = {
        rule: np.std([np.log(rule(sample(rng, 10, model=steep), steep)) for _ in range(60)])
        for rule in (excess_distance_rule, likelihood_rule)
    }
    assert errors[likelihood_rule] < errors[excess_distance_rule] / 3


def test_counts_follow_from_movement_between_rounds() -> None:
    rng = np.random.default_rng(2)
    for n, noise in ((1, 0.0), (10, 0.0), (10, 0.02)):
        rounds = np.stack([sample(rng, n, noise) for _ in range(30)])
        assert variance_rule(rounds, MODEL.trace, noise) == pytest.approx(n, rel=0.25)
    loud = np.stack([sample(rng, 5, 0.01, 0.4) for _ in range(40)])
    assert variance_rule(loud, MODEL.trace, 0.01, 0.4) == pytest.approx(5, rel=0.25)
    with pytest.raises(DataError, match="compares rounds"):
        variance_rule(rounds[:1], 1.0)


def test_a_deviation_that_noise_explains_means_many() -> None:
    assert excess_distance_rule(MODEL.mean, MODEL, 0.1) == MOST
    np.testing.assert_allclose(proportions(np.array([1.0, 3.0])), [0.25, 0.75])
    np.testing.assert_allclose(proportions(np.zeros(2)), [0.5, 0.5])
