"""Coverage and bias where the truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.score import Leakage, leakage


def outcomes(made: Any, runs: int, resamples: int = 500) -> list[Leakage]:
    found = []
    for i in range(runs):
        rng = np.random.default_rng([11, i])
        found.append(leakage(*made.draw(rng), rng=rng, resamples=resamples))
    return found


def coverage(found: list[Leakage], truth: float) -> float:
    return float(np.mean([leak.low <= truth <= leak.high for leak in found]))


def bias(found: list[Leakage], truth: float) -> tuple[float, float]:
    """Of the cross-fitted estimate, and of the plain maximum."""
    plain = [max(entry.value for entry in leak.advantages) for leak in found]
    return float(np.mean([leak.estimate for leak in found])) - truth, float(np.mean(plain)) - truth


def test_twenty_null_attacks_do_not_look_like_leakage(world: Any) -> None:
    made = world(means=(0.2,) * 20, records=20, seeds=1, rho=0.0)
    found = outcomes(made, 100)
    fitted, plain = bias(found, 0.0)
    assert abs(fitted) < 0.01 < plain
    assert coverage(found, 0.0) >= 0.92


def test_an_attack_is_not_credited_with_a_lucky_seed(world: Any) -> None:
    fitted, plain = bias(outcomes(world(tau_own=0.05), 60), world().truth)
    assert abs(fitted) < 0.015 and plain > 0.03


@pytest.mark.slow
@pytest.mark.parametrize("how", [{"tau": 0.0}, {"tau": 0.03}, {"tau": 0.02, "tau_own": 0.02}])
def test_the_interval_covers_the_strongest_attack(world: Any, how: dict[str, float]) -> None:
    """Conservative at the top when attacks are equal: all twenty upper bounds would have to miss."""
    made = world(**how)
    assert coverage(outcomes(made, 80), made.truth) >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.2, 0.9])
@pytest.mark.parametrize("tau", [0.0, 0.01, 0.04])
@pytest.mark.parametrize("means", [(0.4,) * 20, tuple(np.linspace(0.3, 0.5, 20))], ids=["equal", "spread"])
def test_coverage_is_near_nominal(world: Any, rho: float, tau: float, means: tuple[float, ...]) -> None:
    made = world(means=means, rho=rho, tau=tau)
    found = outcomes(made, 200)
    assert coverage(found, made.truth) >= 0.92
    assert abs(bias(found, made.truth)[0]) < 0.005


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0.0, 0.01, 0.04])
def test_one_attack_has_nominal_coverage(world: Any, tau: float) -> None:
    made = world(means=(0.4,), tau=tau)
    # Wide where seeds do not differ at all, which five cannot show: t with four degrees of freedom allows for it.
    assert 0.92 <= coverage(outcomes(made, 400), made.truth) <= 0.995
