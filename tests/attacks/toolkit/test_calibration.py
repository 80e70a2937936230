from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from attacks.toolkit.calibration import calibrated, likelihood_calibrated, ratio_calibrated
from harness.errors import DataError
from harness.metrics.membership import auc
from harness.util.arrays import Floats, Mask


def test_calibration_is_used_only_where_it_ranks_shadows_better() -> None:
    rng = np.random.default_rng(0)
    members = rng.random((9, 200)) < 0.5
    flat = members + 0.5 * rng.normal(size=members.shape)
    np.testing.assert_array_equal(calibrated(flat[0], flat[1:], np.zeros_like(members[1:])), flat[0])
    level = 3 * rng.normal(size=200)
    steep = flat + level
    assert auc(calibrated(steep[0], steep[1:], members[1:]), members[0]) > auc(steep[0], members[0]) + 0.1
    gap = np.append(np.nan, steep[0][1:])
    assert np.isnan(calibrated(gap, steep[1:], members[1:])[0])


def test_too_few_references_are_refused() -> None:
    with pytest.raises(DataError, match="at least 4"):
        ratio_calibrated(np.zeros(3), np.zeros((3, 3)))
    with pytest.raises(DataError, match="do not fit"):
        ratio_calibrated(np.zeros(3), np.zeros((4, 2)))


def toy_signals(
    shift: float, rng: np.random.Generator, references: int = 8, count: int = 4000, spread: float = 3.0
) -> tuple[Floats, Mask]:
    """Every candidate has a level of its own; members are ``shift`` standard deviations above it."""
    level = spread * rng.normal(size=count)
    members = rng.random((references + 1, count)) < 0.5
    return level + shift * members + rng.normal(size=members.shape), members


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_the_calibrated_ratio_nears_the_power_of_a_known_level(shift: float) -> None:
    """With the level known the AUC is Phi(shift / sqrt 2); 2 x 16 references estimate it with variance near 1 / 32."""
    signals, members = toy_signals(shift, np.random.default_rng(0), references=32)
    reached = auc(likelihood_calibrated(signals[0], signals[1:], members[1:]), members[0])
    assert reached == pytest.approx(norm.cdf(shift / np.sqrt(2)), abs=0.02)
    raw = auc(signals[0], members[0])
    assert raw == pytest.approx(norm.cdf(shift / np.sqrt(2 * (1 + 9))), abs=0.02)
    assert auc(ratio_calibrated(signals[0], signals[1:]), members[0]) > raw


def test_no_shift_is_chance() -> None:
    signals, members = toy_signals(0.0, np.random.default_rng(1))
    for scores in (
        likelihood_calibrated(signals[0], signals[1:], members[1:]),
        ratio_calibrated(signals[0], signals[1:]),
    ):
        assert auc(scores, members[0]) == pytest.approx(0.5, abs=0.03)


def test_ratios_are_ranks_among_candidates() -> None:
    signals, _ = toy_signals(1.0, np.random.default_rng(2), count=7)
    ratio = np.exp(signals[0]) / np.exp(signals[1:]).mean(0)
    scores = ratio_calibrated(signals[0], signals[1:])
    assert np.floor(7 * scores - 1e-9).tolist() == [(ratio <= r).sum() for r in ratio]
    assert np.ptp(ratio_calibrated(np.zeros(4), np.zeros((4, 4)))) == 0
