from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from attacks.membership_inference.prototype_cosine import cosine_scores
from attacks.toolkit.prototype_space.moments import ClassMoments, fit_by_class
from attacks.toolkit.prototype_space.release_test import ReleaseTest, expected_auc, mean_release_llr, summed_llr
from harness.errors import DataError
from harness.metrics.membership import auc, tpr_at_fpr
from harness.util.arrays import Floats


def averaged_llr(candidates: Floats, releases: Floats, count: float, model: ClassMoments, noise: float) -> Floats:
    """The exact ratio where ``releases [R, d]`` are the *same* mean under fresh isotropic noise of variance ``noise``.

    The rounds' average is sufficient: its noise has variance ``noise / R``, the records behind it are drawn once.
    """
    return mean_release_llr(candidates, releases.mean(0), count, model, noise / len(releases))


def fit_moments(embeddings: Floats) -> ClassMoments:
    """Moments of ``embeddings [m, d]`` that are all of one class."""
    return fit_by_class(embeddings, ["one"] * len(embeddings))["one"]


LABELS = [1] * 300 + [0] * 300


def gaussian_world(
    d: int, n: int, seed: int = 0, auxiliary: int = 6000, noise: float = 0.0, rounds: int = 1, exact: bool = False
) -> tuple[ClassMoments, list[tuple[Floats, Floats]]]:
    """300 releases of means of n records; each is asked about one member and one outsider."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1, d + 1) ** -0.5

    def draw(size: int) -> Floats:
        return rng.normal(size=(size, d)) * scale + 1.0

    model = ClassMoments(np.ones(d), np.diag(scale**2)) if exact else fit_moments(draw(auxiliary))
    trials = []
    for _ in range(300):
        inside = draw(n)
        releases = inside.mean(0) + rng.normal(scale=noise**0.5, size=(rounds, d))
        trials.append((np.stack([inside[0], draw(1)[0]]), releases))
    return model, trials


def scored(score: Callable[..., Any], trials: Sequence[tuple[Floats, Floats]]) -> Floats:
    pairs = np.array([score(x, p) for x, p in trials])
    return np.concatenate([pairs[:, 0], pairs[:, 1]])


@pytest.mark.parametrize(("d", "n", "known"), [(384, 25, 0.997), (384, 100, 0.917), (64, 25, 0.871)])
def test_the_gaussian_test_has_its_known_power_and_beats_the_cosine(d: int, n: int, known: float) -> None:
    assert expected_auc(d, n) == pytest.approx(known, abs=0.001)
    assert expected_auc(d, n) == pytest.approx(norm.cdf(np.sqrt(d / n) / np.sqrt(2)))
    model, trials = gaussian_world(d, n)
    test = ReleaseTest.of(model)
    ratio = scored(lambda x, p: test.llr(x, p[0], n), trials)
    baseline = scored(lambda x, p: cosine_scores(x, p[0]), trials)
    # 300 pairs have a standard error of up to 0.012 at AUC 0.9.
    assert auc(ratio, LABELS) == pytest.approx(expected_auc(d, n), abs=0.02)
    assert auc(baseline, LABELS) < auc(ratio, LABELS) - 0.1


def test_a_prototype_of_one_record_gives_it_away() -> None:
    model, trials = gaussian_world(384, 1, auxiliary=2000)
    test = ReleaseTest.of(model)
    ratio = scored(lambda x, p: test.llr(x, p[0], 1), trials)
    assert auc(ratio, LABELS) == 1.0 == tpr_at_fpr(ratio, LABELS, 0.01)


def test_the_ratio_is_the_difference_of_two_densities() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(5, 5))
    model = ClassMoments(rng.normal(size=5), root @ root.T)
    noise = np.diag(rng.uniform(0.1, 0.2, 5))
    x, p, n = rng.normal(size=(4, 5)), rng.normal(size=5), 7
    slow = [
        multivariate_normal(model.mean + (one - model.mean) / n, model.covariance * (n - 1) / n**2 + noise).logpdf(p)
        - multivariate_normal(model.mean, model.covariance / n + noise).logpdf(p)
        for one in x
    ]
    np.testing.assert_allclose(mean_release_llr(x, p, n, model, noise), slow, atol=2e-2)
    assert np.argsort(slow).tolist() == np.argsort(mean_release_llr(x, p, n, model, noise)).tolist()


def test_independent_noise_without_members_is_chance() -> None:
    model, trials = gaussian_world(64, 25)
    rng = np.random.default_rng(3)
    test = ReleaseTest.of(model)
    ratio = scored(lambda x, p: test.llr(x, 1 + rng.normal(size=64), 25), trials)
    assert abs(auc(ratio, LABELS) - 0.5) < 0.1


def test_rounds_of_fresh_noise_are_averaged_exactly() -> None:
    """AUC Phi(mu / sqrt 2) with mu^2 the mean shift's length under Sigma / n + noise / R."""
    d, n, noise, rounds = 384, 40, 0.002, 8
    model, trials = gaussian_world(d, n, noise=noise, rounds=rounds, exact=True)
    spectrum = np.diag(model.covariance)

    def known(r: int) -> float:
        return float(norm.cdf(np.sqrt((spectrum / n**2 / (spectrum / n + noise / r)).sum()) / np.sqrt(2)))

    test = ReleaseTest.of(model, noise)
    single = auc(scored(lambda x, p: test.llr(x, p[0], n), trials), LABELS)
    many = auc(scored(lambda x, p: test.llr(x, p.mean(0), n, 1 / rounds), trials), LABELS)
    summed = auc(scored(lambda x, p: sum(test.llr(x, one, n) for one in p), trials), LABELS)
    assert single == pytest.approx(known(1), abs=0.03)
    assert many == pytest.approx(known(rounds), abs=0.03)
    assert many > single + 0.05
    assert summed > single + 0.03
    x, p = trials[0]
    np.testing.assert_allclose(averaged_llr(x, p, n, model, noise), test.llr(x, p.mean(0), n, 1 / rounds))
    both = summed_llr([x, x], list(p[:2]), [n, n], [model, model], noise)
    np.testing.assert_allclose(both, test.llr(x, p[0], n) + test.llr(x, p[1], n))


def test_ignoring_the_noise_costs_power() -> None:
    d, n, noise = 128, 10, 0.05
    model, trials = gaussian_world(d, n, noise=noise, exact=True)
    tests = ReleaseTest.of(model, noise), ReleaseTest.of(model)
    aware, unaware = (auc(scored(lambda x, p, t=t: t.llr(x, p[0], n), trials), LABELS) for t in tests)
    assert aware > unaware + 0.03


def test_small_classes_share_a_covariance_and_large_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    wide, narrow = rng.normal(size=(100, 4)) * 3 + 10, rng.normal(size=(5, 4))
    models = fit_by_class(np.concatenate([wide, narrow]), ["wide"] * 100 + ["narrow"] * 5)
    np.testing.assert_allclose(models["narrow"].mean, narrow.mean(0))
    assert models["wide"].trace > 30 and models["narrow"].trace > 20
    assert fit_moments(narrow).trace < 10


def test_what_does_not_fit_is_refused_at_once() -> None:
    model = ClassMoments(np.zeros(3), np.eye(3))
    with pytest.raises(DataError, match=r"do not fit.*needs at least 1"):
        mean_release_llr(np.zeros((2, 4)), np.zeros(3), 0, model)
    with pytest.raises(DataError, match="2 labels"):
        fit_by_class(np.zeros((3, 3)), ["a", "b"])
