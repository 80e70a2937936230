from __future__ import annotations

import numpy as np
import pytest

from attacks.prototype.align import fit_aligner, identity
from attacks.prototype.counts import (
    MOST,
    excess_distance_rule,
    likelihood_rule,
    proportions,
    variance_rule,
)
from attacks.prototype.membership import mean_release_llr
from attacks.prototype.moments import Moments, fit_by_class
from attacks.prototype.presence import DummyDetector, from_keys, prototype_features, typicality
from harness.errors import DataError
from harness.metrics.membership import auc

MODEL = Moments(np.ones(200), np.diag(np.arange(1, 201) ** -0.5))


def sample(rng, n, noise=0.0, per_record=0.0, model=MODEL):
    spread = np.sqrt(np.diag(model.covariance))
    mean = (rng.normal(size=(n, len(spread))) * spread + model.mean).mean(0)
    return mean + rng.normal(scale=(noise + per_record / n**2) ** 0.5, size=len(spread))


@pytest.mark.parametrize("rule", [excess_distance_rule, likelihood_rule])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_counts_follow_from_the_distance_to_the_class_mean(rule, noise):
    rng = np.random.default_rng(0)
    for n in (1, 4, 20):
        found = np.median([rule(sample(rng, n, noise), MODEL, noise) for _ in range(40)])
        assert found == pytest.approx(n, rel=0.25)


@pytest.mark.parametrize("rule", [excess_distance_rule, likelihood_rule])
def test_noise_that_depends_on_the_count_is_told_from_few_records(rule):
    """Of clipped means noise shrinks with n: taken for a constant, or left out, single records seem fewer still."""
    rng = np.random.default_rng(3)
    for n in (1, 4, 20):
        sent = [sample(rng, n, 0.001, 0.5) for _ in range(60)]
        assert np.median([rule(p, MODEL, 0.001, 0.5) for p in sent]) == pytest.approx(n, rel=0.25)
    four = [sample(rng, 4, 0.0, 1.0) for _ in range(60)]
    assert np.median([rule(p, MODEL) for p in four]) < 2.5  # what leaving the noise out makes of four
    assert np.median([rule(p, MODEL, 0.0, 1.0) for p in four]) == pytest.approx(4, rel=0.25)


def test_the_distance_rule_is_the_root_of_its_equation():
    rng = np.random.default_rng(4)
    for always, per_record in ((0.0, 0.0), (0.01, 0.0), (0.0, 0.3), (0.02, 0.7)):
        p = sample(rng, 3, always, per_record)
        n = excess_distance_rule(p, MODEL, always, per_record)
        expected = MODEL.trace / n + 200 * (always + per_record / n**2)
        assert n > 1 and expected == pytest.approx(((p - MODEL.mean) ** 2).sum())


def test_the_likelihood_uses_every_direction():
    rng = np.random.default_rng(1)
    steep = Moments(np.zeros(200), np.diag(np.arange(1, 201) ** -1.5))
    errors = {
        rule: np.std([np.log(rule(sample(rng, 10, model=steep), steep)) for _ in range(60)])
        for rule in (excess_distance_rule, likelihood_rule)
    }
    assert errors[likelihood_rule] < errors[excess_distance_rule] / 3


def test_counts_follow_from_movement_between_rounds():
    rng = np.random.default_rng(2)
    for n, noise in ((1, 0.0), (10, 0.0), (10, 0.02)):
        rounds = np.stack([sample(rng, n, noise) for _ in range(30)])
        assert variance_rule(rounds, MODEL.trace, noise) == pytest.approx(n, rel=0.25)
    loud = np.stack([sample(rng, 5, 0.01, 0.4) for _ in range(40)])
    assert variance_rule(loud, MODEL.trace, 0.01, 0.4) == pytest.approx(5, rel=0.25)
    with pytest.raises(DataError, match="compares rounds"):
        variance_rule(rounds[:1], 1.0)


def test_a_deviation_that_noise_explains_means_many():
    assert excess_distance_rule(MODEL.mean, MODEL, 0.1) == MOST
    np.testing.assert_allclose(proportions(np.array([1.0, 3.0])), [0.25, 0.75])
    np.testing.assert_allclose(proportions(np.zeros(2)), [0.5, 0.5])


def test_keys_give_presence_away():
    assert from_keys(["b", "d"], ["a", "b", "c"]) == {"a": 0.0, "b": 1.0, "c": 0.0}


def classes(rng, d=40):
    means = {name: rng.normal(size=d) for name in "abcd"}
    labels = [name for name in "abcd" for _ in range(50)]
    return fit_by_class(np.stack([means[name] + rng.normal(size=d) for name in labels]), labels), means


def trajectories(rng, means, real, rounds=4):
    """A real class is a mean of 5 records that drifts; a dummy is drawn afresh around the mean of all classes."""
    for index in range(80):
        name = "abcd"[index % 4]
        if real:
            start = means[name] + rng.normal(size=40) / 5**0.5
            yield name, start + np.arange(rounds)[:, None] * rng.normal(size=40) * 0.05
        else:
            yield name, np.mean(list(means.values()), axis=0) + rng.normal(size=(rounds, 40)) / 5**0.5


def test_dummies_are_told_from_real_classes_with_and_without_training():
    rng = np.random.default_rng(0)
    models, means = classes(rng)
    real, fake = (list(trajectories(rng, means, kind)) for kind in (True, False))
    labels = [1] * 80 + [0] * 80
    assert auc([typicality(p, name, models) for name, p in real + fake], labels) > 0.95
    features = np.stack([prototype_features(p, name, models) for name, p in real + fake])
    even = np.arange(160) % 2 == 0
    detector = DummyDetector(features[even], np.array(labels)[even].astype(bool).tolist())
    assert auc(detector.scores(features[~even]), np.array(labels)[~even]) > 0.99
    with pytest.raises(DataError, match="real and dummy"):
        DummyDetector(features[:3], [True] * 3)


def test_dummies_drawn_like_real_classes_are_not_told_apart():
    rng = np.random.default_rng(0)
    models, means = classes(rng)
    both = [p for _ in range(2) for p in trajectories(rng, means, True)]
    features = np.stack([prototype_features(p, name, models) for name, p in both])
    labels = rng.permutation([1] * 80 + [0] * 80)
    detector = DummyDetector(features[::2], labels[::2].astype(bool).tolist())
    assert abs(auc(detector.scores(features[1::2]), labels[1::2]) - 0.5) < 0.2


def test_one_round_has_no_drift():
    models, means = classes(np.random.default_rng(0))
    assert prototype_features(means["a"][None], "a", models)[3:].tolist() == [0.0, 0.0]


def test_a_clients_own_space_is_learned_from_known_releases():
    """Prototypes pass through a secret map; the membership test through the fitted one is as good as in the clear."""
    rng = np.random.default_rng(0)
    d, n = 40, 4
    secret, model = rng.normal(size=(d, 24)), Moments(np.zeros(d), np.eye(d))
    means = rng.normal(size=(600, d)) / n**0.5
    aligner = fit_aligner(means, means @ secret + 2 + rng.normal(size=(600, 24)) * 0.02)
    np.testing.assert_allclose(aligner.weight, secret, atol=0.05)
    assert np.diag(aligner.error).mean() < 0.01
    scores, clear = [], []
    for _ in range(200):
        inside, outside = rng.normal(size=(n, d)), rng.normal(size=(1, d))
        x, p = np.concatenate([inside[:1], outside]), inside.mean(0) @ secret + 2
        moments = aligner.moments({"a": model})["a"]
        scores.append(mean_release_llr(aligner.points(x), p, n, moments, aligner.error))
        clear.append(mean_release_llr(x @ secret, p - 2, n, Moments(np.zeros(24), secret.T @ secret)))
    found, best = (auc(np.array(s).T.ravel(), [1] * 200 + [0] * 200) for s in (scores, clear))
    assert found > 0.95 and abs(found - best) < 0.02


def test_the_identity_changes_nothing_and_few_pairs_are_refused():
    same = identity(3)
    np.testing.assert_array_equal(same.points(np.eye(3)), np.eye(3))
    with pytest.raises(DataError, match="too few"):
        fit_aligner(np.zeros((4, 3)), np.zeros((4, 3)))
