from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from attacks.label_inference.vote_distribution import class_mass
from attacks.toolkit.vote_likelihood import any_party, estimated, exact, expected_auc, summed_llr, vote_llr
from attacks.toolkit.voting import vote_vectors
from harness.errors import DataError
from harness.metrics.membership import auc
from tests.stand_ins.vote_world import halving


def games(sigma: float, rounds: int = 1, trials: int = 1500, seed: int = 0) -> float:
    """Differential privacy's game: everyone else's votes are known; half the time the candidate voted too."""
    rng = np.random.default_rng(seed)
    private, candidates = rng.normal(size=(50, 8)), rng.normal(size=(trials, 8))
    labels, totals = [], []
    synthetic = [rng.normal(size=(40, 8)) for _ in range(rounds)]
    others = [vote_vectors(private, s, halving(8)).sum(0) for s in synthetic]
    votes = [vote_vectors(candidates, s, halving(8)) for s in synthetic]
    for i in range(trials):
        labels.append(i % 2)
        seen = [o + (i % 2) * v[i] + sigma * rng.normal(size=40) for o, v in zip(others, votes, strict=True)]
        ratio = summed_llr([v[i : i + 1] for v in votes], seen, [exact(o) for o in others], sigma)
        totals.append(float(ratio[0]))
    return auc(totals, labels)


@pytest.mark.parametrize(("sigma", "rounds"), [(0.5, 1), (1.0, 1), (3.0, 1), (3.0, 4)])
def test_with_the_other_votes_known_the_power_is_that_of_a_gaussian_shift(sigma: float, rounds: int) -> None:
    size = np.sqrt(sum(4.0**-k for k in range(8)))
    known = norm.cdf(size * np.sqrt(rounds) / (sigma * np.sqrt(2)))
    assert expected_auc(size, sigma, rounds) == pytest.approx(known)
    assert np.mean([games(sigma, rounds, seed=seed) for seed in range(2)]) == pytest.approx(known, abs=0.02)


def test_without_noise_the_vote_is_seen() -> None:
    assert games(0.0) == 1.0 == expected_auc(1.1547, 0.0)


def test_the_ratio_is_the_difference_of_two_densities() -> None:
    rng = np.random.default_rng(0)
    votes, histogram = rng.random((3, 6)), rng.normal(size=6) * 3
    background = estimated(rng.random((30, 6)), 10)
    spread = np.sqrt(background.variance + 0.7**2)
    slow = [
        norm(background.mean - background.usual + v, spread).logpdf(histogram).sum()
        - norm(background.mean, spread).logpdf(histogram).sum()
        for v in votes
    ]
    np.testing.assert_allclose(vote_llr(votes, histogram, background, 0.7), slow)


def test_a_histogram_of_noise_alone_is_chance() -> None:
    rng = np.random.default_rng(0)
    votes = vote_vectors(rng.normal(size=(1000, 8)), rng.normal(size=(60, 8)), halving(8))
    scores = vote_llr(votes, rng.normal(size=60), estimated(votes[:200], 30), 1.0)
    assert abs(auc(scores, np.arange(1000) % 2) - 0.5) < 0.06


def crowd(rng: np.random.Generator, sigma: float, parties: int = 1, n: int = 12) -> Any:
    """Histograms of parties with ``n`` records each, all members and as many others; auxiliary votes."""
    synthetic = rng.normal(size=(150, 8))
    voters, outside, auxiliary = (rng.normal(size=(k, 8)) for k in (n * parties, n * parties, 1500))
    votes = [vote_vectors(x, synthetic, (1.0,)) for x in (voters, outside, auxiliary)]
    seen = votes[0].reshape(parties, n, -1).sum(1) + sigma * rng.normal(size=(parties, 150))
    return np.concatenate(votes[:2]), seen, votes[2], [1] * n * parties + [0] * n * parties


def test_an_estimated_background_is_weaker_than_the_exact_one_but_no_chance() -> None:
    rng = np.random.default_rng(0)
    scores, labels = [], []
    for _ in range(40):
        votes, seen, auxiliary, truth = crowd(rng, 0.3)
        scores += vote_llr(votes, seen[0], estimated(auxiliary, 12), 0.3).tolist()
        labels += truth
    assert 0.75 < auc(scores, labels) < expected_auc(1.0, 0.3)


def test_the_view_of_each_party_is_stronger_than_the_view_of_their_sum() -> None:
    """Noise per party is that of the sum divided by sqrt(L): the claim holds for the sum alone."""
    rng = np.random.default_rng(0)
    single, sums, labels = [], [], []
    for _ in range(15):
        votes, seen, auxiliary, truth = crowd(rng, 0.3, parties=10)
        each = np.stack([vote_llr(votes, h, estimated(auxiliary, 12), 0.3) for h in seen])
        single += any_party(each).tolist()
        sums += vote_llr(votes, seen.sum(0), estimated(auxiliary, 120), 0.3 * np.sqrt(10)).tolist()
        labels += truth
    assert auc(single, labels) > auc(sums, labels) + 0.03
    assert any_party(np.array([[1.0], [1.0]]))[0] == pytest.approx(1.0)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match=r"not of one space.*no weights"):
        vote_vectors(np.zeros((2, 3)), np.zeros((2, 4)), ())
    with pytest.raises(DataError, match="labels for"):
        vote_vectors(np.zeros((2, 3)), np.zeros((2, 3)), classes=(["a"], ["a", "b"]))
    with pytest.raises(DataError, match="do not fit"):
        vote_llr(np.zeros((2, 3)), np.zeros(4), exact(np.zeros(4)), -1)
    with pytest.raises(DataError, match="some of both"):
        estimated(np.zeros((0, 3)), 5)
    with pytest.raises(DataError, match="2 labels"):
        class_mass(np.zeros(3), ["a", "b"], ["a"])
