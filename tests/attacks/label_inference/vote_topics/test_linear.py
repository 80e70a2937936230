"""Bayes linear estimates against closed forms and least squares."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.label_inference.vote_topics.linear import VoteMoments, adjusted, crowd, leaning, maybe, of_one


def test_gaussian_conditioning_is_the_closed_form() -> None:
    about = VoteMoments(np.array([1.0, 2.0]), np.array([[2.0, 1.0], [1.0, 3.0]]))
    estimate = adjusted(about, about, np.array([5.0]), 2.0)
    assert estimate == pytest.approx([1 + 1 / (3 + 4) * (5 - 2)], abs=1e-6)


def test_no_linear_estimate_has_a_smaller_error() -> None:
    """Against least squares on many draws of the same law."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(5, 5))
    draws = rng.normal(size=(20000, 5)) @ mix.T
    law = VoteMoments(np.zeros(5), mix @ mix.T)
    noisy = draws[:, 2:] + 0.5 * rng.normal(size=(20000, 3))
    best = noisy @ np.linalg.lstsq(noisy, draws[:, :2], rcond=None)[0]
    ours = np.stack([adjusted(law, law, row, 0.5) for row in noisy[:3000]])
    np.testing.assert_allclose(ours, best[:3000], atol=0.1)
    assert ((ours - draws[:3000, :2]) ** 2).mean() < 1.02 * ((best[:3000] - draws[:3000, :2]) ** 2).mean()


def test_a_part_of_a_sum_is_told_by_its_share_of_the_variance() -> None:
    part, other = VoteMoments(np.zeros(2), np.ones((2, 2))), VoteMoments(np.ones(2), 3 * np.ones((2, 2)))
    assert adjusted(part, part + other, np.array([5.0]), 0.0) == pytest.approx([0 + 1 / 4 * (5 - 1)], abs=1e-5)


def test_moments_of_candidates_and_crowds_are_those_of_draws() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(4, 3))
    seen = (rng.random((40000, 4)) < 0.5) @ rows
    tossed = maybe(rows)
    np.testing.assert_allclose(tossed.mean, seen.mean(0), atol=0.02)
    np.testing.assert_allclose(tossed.covariance, np.cov(seen.T), atol=0.05)
    laws = [VoteMoments(row, np.outer(row, row) + np.eye(3)) for row in rows[:2]]
    counts = rng.poisson([3.0, 5.0], size=(20000, 2))
    sums = np.zeros((len(counts), 3))
    for law, n in zip(laws, counts.T[..., None], strict=True):  # of n draws, the sum is n means and sqrt(n) deviations
        deviations = rng.normal(size=(len(counts), 3)) @ np.linalg.cholesky(law.covariance).T
        sums += n * law.mean + np.sqrt(n) * deviations
    moments = crowd(laws, np.array([3.0, 5.0]), np.diag([3.0, 5.0]))
    np.testing.assert_allclose(moments.mean, sums.mean(0), atol=0.15)
    np.testing.assert_allclose(moments.covariance, np.cov(sums.T), rtol=0.1, atol=0.6)


def test_the_error_of_a_small_sample_is_common_to_all_draws() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(400, 2))
    assert np.trace(of_one(rows, 400)) == pytest.approx(2 * np.trace(np.cov(rows.T, bias=True)), rel=1e-6)
    shares = np.array([0.2, 0.5, 0.3])
    np.testing.assert_allclose(leaning(rows[:3], shares), np.cov(rows[:3].T, aweights=shares, bias=True))
