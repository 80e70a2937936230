from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from attacks.votes.distribution import Prior, class_mass, distribution, onto_simplex, posterior_shares
from attacks.votes.likelihood import any_party, estimated, exact, expected_auc, summed_llr, vote_llr
from attacks.votes.probe import near_copies, probe_llr, probe_scores
from attacks.votes.rules import halving, vote_vectors
from harness.errors import DataError
from harness.metrics.membership import auc


def slow_votes(records, synthetic, weights, classes, farthest):
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
def test_votes_follow_their_definition(weights, labelled, farthest):
    rng = np.random.default_rng(0)
    records, synthetic = rng.normal(size=(20, 5)), rng.normal(size=(9, 5))
    classes = ([*"ab"] * 10, [*"aabbbbbbb"]) if labelled else None
    fast = vote_vectors(records, synthetic, weights, classes=classes, farthest=farthest)
    np.testing.assert_array_equal(fast, slow_votes(records, synthetic, weights, classes, farthest))


@pytest.mark.parametrize("ranks", range(1, 9))
def test_the_size_of_one_vote(ranks):
    """L1 sizes 1, 1.5, 1.75, ... below 2, L2 of eight ranks 1.1547, and with the farthest as well 1.633."""
    weights = halving(ranks)
    assert sum(weights) == 2 - 0.5 ** (ranks - 1)
    votes = vote_vectors(np.zeros((1, 2)), np.random.default_rng(0).normal(size=(20, 2)), weights)
    assert np.linalg.norm(votes) == pytest.approx(np.sqrt(sum(4.0**-k for k in range(ranks))))
    if ranks == 8:
        assert np.linalg.norm(votes) == pytest.approx(1.1547, abs=1e-4)
        assert np.sqrt(2) * np.linalg.norm(votes) == pytest.approx(1.633, abs=1e-3)


def games(sigma, rounds=1, trials=1500, seed=0):
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
def test_with_the_other_votes_known_the_power_is_that_of_a_gaussian_shift(sigma, rounds):
    size = np.sqrt(sum(4.0**-k for k in range(8)))
    known = norm.cdf(size * np.sqrt(rounds) / (sigma * np.sqrt(2)))
    assert expected_auc(size, sigma, rounds) == pytest.approx(known)
    assert np.mean([games(sigma, rounds, seed=seed) for seed in range(2)]) == pytest.approx(known, abs=0.02)


def test_without_noise_the_vote_is_seen():
    assert games(0.0) == 1.0 == expected_auc(1.1547, 0.0)


def test_the_ratio_is_the_difference_of_two_densities():
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


def test_a_histogram_of_noise_alone_is_chance():
    rng = np.random.default_rng(0)
    votes = vote_vectors(rng.normal(size=(1000, 8)), rng.normal(size=(60, 8)), halving(8))
    scores = vote_llr(votes, rng.normal(size=60), estimated(votes[:200], 30), 1.0)
    assert abs(auc(scores, np.arange(1000) % 2) - 0.5) < 0.06


def crowd(rng, sigma, parties=1, n=12):
    """Histograms of parties with ``n`` records each, all members and as many others; auxiliary votes."""
    synthetic = rng.normal(size=(150, 8))
    voters, outside, auxiliary = (rng.normal(size=(k, 8)) for k in (n * parties, n * parties, 1500))
    votes = [vote_vectors(x, synthetic, (1.0,)) for x in (voters, outside, auxiliary)]
    seen = votes[0].reshape(parties, n, -1).sum(1) + sigma * rng.normal(size=(parties, 150))
    return np.concatenate(votes[:2]), seen, votes[2], [1] * n * parties + [0] * n * parties


def test_an_estimated_background_is_weaker_than_the_exact_one_but_no_chance():
    rng = np.random.default_rng(0)
    scores, labels = [], []
    for _ in range(40):
        votes, seen, auxiliary, truth = crowd(rng, 0.3)
        scores += vote_llr(votes, seen[0], estimated(auxiliary, 12), 0.3).tolist()
        labels += truth
    assert 0.75 < auc(scores, labels) < expected_auc(1.0, 0.3)


def test_the_view_of_each_party_is_stronger_than_the_view_of_their_sum():
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


def test_probes_see_every_member_where_there_is_no_noise():
    rng = np.random.default_rng(0)
    private, outside = rng.normal(size=(30, 16)), rng.normal(size=(30, 16))
    probes = np.concatenate([private, outside])
    copies = np.concatenate([probes + 0.3 * rng.normal(size=probes.shape) for _ in range(4)])
    histogram = vote_vectors(private, np.concatenate([probes, copies, rng.normal(size=(50, 16))])).sum(0)
    cells = [[60 * k + i for k in range(1, 5)] for i in range(60)]
    labels = [1] * 30 + [0] * 30
    assert auc(probe_scores(histogram, range(60), cells), labels) == 1.0
    assert auc(probe_scores(histogram, range(60)), labels) == 1.0
    assert abs(auc(probe_scores(rng.normal(size=350), range(60), cells), labels) - 0.5) < 0.2


def test_probes_under_noise_have_the_power_of_a_shift_by_one_vote():
    rng = np.random.default_rng(0)
    labels = np.arange(8000) % 2
    histogram = labels + 1.5 * rng.normal(size=8000)
    ratio = probe_llr(probe_scores(histogram, range(8000)), 1.0, 1.5)
    assert auc(ratio, labels) == pytest.approx(expected_auc(1.0, 1.5), abs=0.02)
    slow = norm(1, 1.5).logpdf(histogram) - norm(0, 1.5).logpdf(histogram)
    np.testing.assert_allclose(ratio, slow)


def test_copies_take_the_background_out():
    """Neighbours of a candidate vote for it or for its copies alike; only the member's own vote is left."""
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 2
    crowding = rng.poisson(4, 600)[:, None]
    around = rng.poisson(crowding, (600, 5)).astype(float)
    around[:, 0] += labels * 2
    cells = [list(range(5 * i + 1, 5 * i + 5)) for i in range(600)]
    flat, probes = around.ravel(), range(0, 3000, 5)
    assert auc(probe_scores(flat, probes, cells), labels) > auc(probe_scores(flat, probes), labels)


def test_near_copies_lack_one_word():
    copies = near_copies("meet me at noon", 6, np.random.default_rng(0))
    assert len(copies) == 6 and all(len(copy.split()) == 3 for copy in copies)
    assert len(set(copies)) == 4
    assert near_copies("hello", 2, np.random.default_rng(0)) == ["hello hello"] * 2


def test_label_shares_are_exact_without_noise_and_near_with_it():
    rng = np.random.default_rng(0)
    classes, shares = ["a", "b", "c"], np.array([0.7, 0.3, 0.0])
    labels = rng.choice(classes, 400, p=shares)
    marks = [*"abc"] * 30
    votes = vote_vectors(rng.normal(size=(400, 4)), rng.normal(size=(90, 4)), (1.0,), classes=(labels.tolist(), marks))
    truth = {name: float((labels == name).mean()) for name in classes}
    assert distribution([votes.sum(0)], [marks], classes) == pytest.approx(truth)
    noisy = [votes.sum(0) + 4 * rng.normal(size=90) for _ in range(4)]
    prior = Prior(np.ones(3), 400.0)
    for found in (
        distribution(noisy, [marks] * 4, classes),
        posterior_shares(noisy, [marks] * 4, classes, sigma=4.0, prior=prior, rng=rng),
    ):
        assert sum(abs(found[name] - truth[name]) for name in classes) / 2 < 0.06
        assert sum(found.values()) == pytest.approx(1) and min(found.values()) >= 0


@pytest.mark.parametrize("sigma", [0.5, 3.0, 10.0, 40.0])
def test_knowing_the_noise_is_never_worse_than_not_knowing_it_or_not_looking(sigma):
    rng, classes, marks = np.random.default_rng(int(sigma)), ["a", "b", "c"], ["a", "b", "c"] * 20
    prior, errors = Prior(np.full(3, 1.0), 60.0), {"knowing": [], "plain": [], "blind": []}
    for _ in range(150):
        truth = rng.dirichlet(prior.concentration)
        votes = np.tile(truth * 60 / 20, 20) + sigma * rng.normal(size=60)
        found = {
            "knowing": posterior_shares([votes], [marks], classes, sigma=sigma, prior=prior, rng=rng),
            "plain": distribution([votes], [marks], classes),
            "blind": dict.fromkeys(classes, 1 / 3),
        }
        for name, one in found.items():
            errors[name].append(np.abs(np.array([one[c] for c in classes]) - truth).sum() / 2)
    knowing, plain, blind = (float(np.mean(errors[name])) for name in ("knowing", "plain", "blind"))
    assert knowing < plain + 0.01 and knowing < blind + 0.01
    if 3.0 <= sigma <= 10.0:
        assert knowing < min(plain, blind) - 0.01


def test_noise_alone_gives_the_prior():
    rng = np.random.default_rng(0)
    classes, marks, prior = ["a", "b"], ["a", "b"] * 20, Prior(np.array([6.0, 2.0]), 100.0)
    found = [
        posterior_shares([rng.normal(size=40)], [marks], classes, sigma=1.0, prior=prior, rng=rng)["a"]
        for _ in range(50)
    ]
    assert np.mean(found) == pytest.approx(0.75, abs=0.08)
    assert distribution([np.zeros(40)], [marks], classes) == {"a": 0.5, "b": 0.5}


def test_the_projection_is_the_nearest_point_of_the_simplex():
    rng = np.random.default_rng(0)
    for _ in range(5):
        y = rng.normal(size=4)
        limits = {"type": "eq", "fun": lambda x: x.sum() - 1}
        away = lambda x, y=y: ((x - y) ** 2).sum()  # noqa: E731
        slow = minimize(away, np.full(4, 0.25), bounds=[(0, 1)] * 4, constraints=limits, tol=1e-12)
        np.testing.assert_allclose(onto_simplex(y), slow.x, atol=1e-4)


def test_what_does_not_fit_is_refused():
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
