"""Epsilon lower bounds: known values, a slow definition, coverage, and what a perfect or useless attack shows."""

from __future__ import annotations

from math import exp, log, log1p
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from harness.errors import DataError, LeakboardError
from harness.score.audit import (
    EpsilonBound,
    disclosure_bound,
    one_run_audit,
    one_run_bound,
    one_run_ceiling,
    one_run_p_value,
    tuned_one_run_audit,
    two_rate_bound,
)
from harness.util.arrays import Floats, Ints, Mask


@pytest.mark.parametrize(
    ("m", "r", "v", "delta", "expected"),
    [
        (100, 100, 100, 0.0, 3.49),
        (100, 100, 100, 1e-5, 3.49),
        (1000, 100, 100, 0.0, 3.49),
        (1000, 100, 100, 1e-5, 3.47),
        (1000, 1000, 1000, 0.0, 5.81),
        (1000, 1000, 1000, 1e-5, 5.78),
        (1000, 100, 95, 0.0, 2.17),
        (1000, 1000, 550, 0.0, 0.09),
        (500, 500, 300, 0.0, 0.25),
    ],
)
def test_one_run_known_values(m: int, r: int, v: int, delta: float, expected: float) -> None:
    assert one_run_bound(m, r, v, delta=delta).epsilon == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(
    ("tp", "n", "fp", "expected"),
    [(100, 100, 0, 3.28), (500, 500, 0, 4.91), (100, 1000, 1, 2.69), (20, 1000, 10, 0.0)],
)
def test_two_rate_known_values(tp: int, n: int, fp: int, expected: float) -> None:
    assert two_rate_bound(tp, n, fp, n).epsilon == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("r", [1, 10, 100, 1000])
def test_the_ceiling_is_what_all_right_guesses_show(r: int) -> None:
    share = 0.05 ** (1 / r)
    assert one_run_ceiling(r) == pytest.approx(max(0.0, log(share / (1 - share))))
    bound = one_run_bound(r, r, r)
    assert bound.ceiling == pytest.approx(one_run_ceiling(r))
    assert bound.epsilon == pytest.approx(max(bound.ceiling, 0.0), abs=1e-9)
    assert two_rate_bound(r, r, 0, r).ceiling == two_rate_bound(r, r, 0, r).epsilon


def slow_p_value(epsilon: float, m: Any, r: Any, v: Any, delta: float) -> Any:
    """Term by term: the binomial tail, and the best of all ways to spend delta."""
    q = exp(epsilon) / (1 + exp(epsilon))

    def at_least(k: Any) -> Any:
        return sum(float(binom.pmf(i, r, q)) for i in range(max(k, 0), r + 1))

    beta = at_least(v)
    alpha = max([(at_least(v - i) - beta) / i for i in range(1, m + 1)], default=0.0)
    return min(beta + 2 * m * delta * alpha, 1.0)


def test_p_value_follows_its_definition() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        r = int(rng.integers(1, 25))
        m, v, delta = r + int(rng.integers(0, 10)), int(rng.integers(0, r + 1)), float(rng.choice([0, 1e-3, 1e-2]))
        epsilon = float(rng.uniform(0, 3))
        slow = slow_p_value(epsilon, m, r, v, delta)
        assert one_run_p_value(epsilon, m, r, v, delta) == pytest.approx(slow, abs=1e-9)


def test_bounds_grow_with_right_guesses_and_shrink_with_delta() -> None:
    found = [one_run_bound(200, 100, v).epsilon for v in range(40, 101, 5)]
    assert found == sorted(found) and found[0] == 0
    assert one_run_bound(200, 100, 90, delta=1e-4).epsilon < one_run_bound(200, 100, 90).epsilon
    assert two_rate_bound(90, 100, 5, 100, delta=0.05).epsilon < two_rate_bound(90, 100, 5, 100).epsilon
    assert two_rate_bound(90, 100, 5, 100).epsilon == two_rate_bound(95, 100, 10, 100).epsilon  # either error is rare


def randomised_response(rng: np.random.Generator, epsilon: float, m: Any) -> Any:
    """The tight mechanism: each inclusion bit is told truly with probability e^eps / (1 + e^eps)."""
    included = rng.random(m) < 0.5
    truth = rng.random(m) < 1 / (1 + exp(-epsilon))
    return np.where(truth, included, ~included).astype(float), included


def tuned_two_rates(scores: Floats, members: Mask, rng: np.random.Generator) -> EpsilonBound:
    """:func:`two_rate_bound` on a random half of the trials, at the threshold that is best on the other half."""
    order = rng.permutation(len(scores))
    tune, test = order[: len(order) // 2], order[len(order) // 2 :]

    def bound(half: Ints, threshold: float) -> EpsilonBound:
        said, true = scores[half] >= threshold, np.asarray(members, dtype=bool)[half]
        return two_rate_bound(int((said & true).sum()), int(true.sum()), int((said & ~true).sum()), int((~true).sum()))

    best = max(np.unique(scores[tune]).tolist(), key=lambda threshold: bound(tune, threshold).epsilon)
    return bound(test, best)


def test_the_bound_is_below_the_true_epsilon_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    over = {"one": 0, "two": 0}
    for _ in range(300):
        scores, included = randomised_response(rng, 1.0, 200)
        correct = int((scores == included).sum())
        over["one"] += one_run_bound(200, 200, correct).refutes(1.0)
        over["two"] += tuned_two_rates(scores, included, rng).refutes(1.0)
    assert max(over.values()) <= binom.ppf(0.995, 300, 0.05)


def test_the_bound_comes_near_the_true_epsilon() -> None:
    rng = np.random.default_rng(2)
    found = [one_run_bound(4000, 4000, int(np.equal(*randomised_response(rng, 2.0, 4000)).sum())) for _ in range(20)]
    assert 1.8 < np.mean([bound.epsilon for bound in found]) < 2.0


def test_scores_become_guesses_from_both_ends() -> None:
    rng = np.random.default_rng(3)
    included = np.arange(100) < 50
    scores = -np.arange(100.0)
    bound = one_run_audit(scores, included, 21, rng)
    assert (bound.guesses, bound.correct) == (21, 21)
    assert one_run_audit(-scores, included, 20, rng).correct == 0
    everything = one_run_audit(scores, included, 100, rng)
    assert everything.correct == 100 and everything.epsilon == pytest.approx(one_run_ceiling(100))


def test_equal_scores_are_ordered_at_random() -> None:
    rng = np.random.default_rng(4)
    included = np.arange(1000) < 500
    correct = [one_run_audit(np.zeros(1000), included, 200, rng).correct for _ in range(50)]
    assert 95 < np.mean(correct) < 105


def test_a_useless_attack_shows_nothing_and_a_perfect_one_its_ceiling() -> None:
    rng = np.random.default_rng(5)
    included = rng.random(1000) < 0.5
    noise = [tuned_one_run_audit(rng.normal(size=1000), included, rng).epsilon for _ in range(60)]
    assert np.mean(np.array(noise) > 0) < 0.15
    perfect = tuned_one_run_audit(included + rng.uniform(0, 0.5, 1000), included, rng)
    assert perfect.epsilon == pytest.approx(perfect.ceiling) and perfect.ceiling > 3
    assert tuned_two_rates(included.astype(float), included, rng).epsilon > 3


def test_gaussian_attack_reads_off_a_plausible_epsilon() -> None:
    rng = np.random.default_rng(6)
    included = rng.random(1000) < 0.5
    bound = tuned_one_run_audit(rng.normal(size=1000) + 3.0 * included, included, rng, delta=1e-5)
    assert 1.5 <= bound.epsilon <= bound.ceiling < log1p(1000)


def test_impossible_counts_are_refused() -> None:
    rng = np.random.default_rng(7)
    for m, r, v in ((10, 11, 5), (10, 5, 6), (10, 0, 0), (10, 5, -1)):
        with pytest.raises(LeakboardError, match="one-run audit"):
            one_run_bound(m, r, v)
    with pytest.raises(LeakboardError, match="delta"):
        one_run_bound(10, 5, 5, delta=1.0)
    with pytest.raises(LeakboardError, match="alpha"):
        two_rate_bound(1, 2, 0, 2, alpha=0.0)
    with pytest.raises(LeakboardError, match="proportion"):
        two_rate_bound(3, 2, 0, 2)
    with pytest.raises(DataError, match="nan"):
        one_run_audit(np.array([np.nan, 1.0]), np.array([True, False]), 1, rng)
    with pytest.raises(DataError, match="at least 4"):
        tuned_one_run_audit(np.zeros(3), np.zeros(3, dtype=bool), rng)


def test_disclosure_by_hand() -> None:
    """All 5 matches are members of two equal sides: logit(alpha ** (1 / 5)); fewer members draw less of them."""
    share = 0.05 ** (1 / 5)
    found = disclosure_bound(5, 0, 40, 40)
    assert found.epsilon == pytest.approx(log(share / (1 - share))) == found.ceiling
    assert disclosure_bound(5, 0, 20, 60).epsilon == pytest.approx(found.epsilon + log(3))
    assert disclosure_bound(5, 5, 40, 40).epsilon == 0.0 and disclosure_bound(0, 0, 40, 40).epsilon == 0.0
    assert disclosure_bound(30, 2, 40, 40, alpha=0.01).epsilon < disclosure_bound(30, 2, 40, 40).epsilon
    with pytest.raises(LeakboardError, match="no more matches than records"):
        disclosure_bound(5, 0, 4, 40)


@pytest.mark.parametrize(("counts", "alpha"), [((20, 3, 50, 40), 0.05), ((31, 9, 60, 90), 0.003), ((7, 0, 9, 9), 0.05)])
def test_the_disclosure_bound_is_where_its_test_stops(counts: tuple[int, int, int, int], alpha: float) -> None:
    mine, others, members, rest = counts
    odds = exp(disclosure_bound(*counts, alpha=alpha).epsilon) * members / rest
    assert binom.sf(mine - 1, mine + others, odds / (1 + odds)) == pytest.approx(alpha)
