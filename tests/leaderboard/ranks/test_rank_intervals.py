"""Intervals of ranks against closed forms: rows far apart, alike, and two rows at a known distance."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from harness.assessment import Place
from leaderboard.ranks.joint_bootstrap import Contributions, JointBootstrap
from leaderboard.ranks.rank_intervals import rank_intervals

RESAMPLES = 4000


def joint(draws: np.ndarray) -> JointBootstrap:
    """Rows whose score one seed's resamples move by ``draws`` (resamples, rows)."""
    rows = {
        Place(f"s{i}", 0): {"pue": Contributions(0.0, np.zeros(1), column[:, None], 50)}
        for i, column in enumerate(draws.T)
    }
    return JointBootstrap(rows)


def places(n: int) -> list[Place]:
    return [Place(f"s{i}", 0) for i in range(n)]


def test_rows_far_apart_keep_their_places() -> None:
    draws = np.random.default_rng(0).normal(0, 0.01, (RESAMPLES, 3))
    intervals = rank_intervals(np.array([0.9, 0.5, 0.1]), places(3), joint(draws))
    assert intervals.ends == ((1, 1), (2, 2), (3, 3))
    assert intervals.stability == pytest.approx(1.0)


def test_equal_rows_may_take_any_place_and_halves_disagree() -> None:
    draws = np.random.default_rng(1).normal(0, 0.1, (RESAMPLES, 4))
    intervals = rank_intervals(np.full(4, 0.5), places(4), joint(draws))
    assert intervals.ends == ((1, 4),) * 4
    assert intervals.stability == pytest.approx(-1.0, abs=0.05)  # two halves of the same records are mirrored


@pytest.mark.parametrize("distance", [0.05, 0.15, 0.3])
def test_two_rows_at_a_distance(distance: float) -> None:
    """Halves agree where their difference is below the distance: correlation 2 P(|d| < distance) - 1."""
    draws = np.random.default_rng(2).normal(0, 0.1, (RESAMPLES, 2))
    intervals = rank_intervals(np.array([0.5 + distance, 0.5]), places(2), joint(draws))
    sd = 0.1 * 2**0.5
    agree = 1 - 2 * NormalDist(0, sd).cdf(-distance)
    assert intervals.stability == pytest.approx(2 * agree - 1, abs=0.06)


def test_noise_that_rows_share_changes_no_place() -> None:
    shared = np.random.default_rng(3).normal(0, 0.5, (RESAMPLES, 1))
    intervals = rank_intervals(np.array([0.6, 0.5]), places(2), joint(np.repeat(shared, 2, axis=1)))
    assert intervals.ends == ((1, 1), (2, 2))


def test_a_row_without_shared_records_has_no_interval() -> None:
    draws = np.random.default_rng(4).normal(0, 0.01, (RESAMPLES, 2))
    intervals = rank_intervals(np.array([0.9, 0.5, 0.1]), places(3), joint(draws))
    assert intervals.ends == ((1, 1), (2, 2), None)
    nobody = rank_intervals(np.array([0.9]), places(1), JointBootstrap({}))
    assert nobody.ends == (None,) and nobody.stability is None
