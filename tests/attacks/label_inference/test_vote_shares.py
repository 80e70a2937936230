from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from attacks.label_inference.expected_records import Prior
from attacks.label_inference.vote_distribution import distribution, onto_simplex
from attacks.label_inference.vote_shares import VoteShares, posterior_shares
from attacks.toolkit.voting import vote_vectors
from harness.scenario.aggregate import DistributionSecret
from tests.stand_ins.rounds_view import RoundsView
from tests.stand_ins.vote_world import world


def distance(view: RoundsView) -> Any:
    truth = {p: {c: n / sum(row.values()) for c, n in row.items()} for p, row in view.truth["counts"].items()}
    scores = DistributionSecret(truth).score(VoteShares().guess(view))
    return np.mean([s.value for s in scores if s.metric == "tv"])


def test_class_shares_are_exact_without_noise_and_hidden_by_much() -> None:
    sizes: dict[str, Any] = {"sizes": (1, 8, 30)}
    assert distance(world(**sizes)) == pytest.approx(0.0, abs=1e-12)
    assert distance(world(**sizes, protocol={"noise": 0.5, "rounds": 4})) < 0.1
    assert distance(world(**sizes, protocol={"noise": 1e4})) > 0.2
    assert distance(world(**sizes, protocol={"secure": True})) > 0.05


def test_label_shares_are_exact_without_noise_and_near_with_it() -> None:
    rng = np.random.default_rng(0)
    classes, shares = ["a", "b", "c"], np.array([0.7, 0.3, 0.0])
    labels = rng.choice(classes, 400, p=shares)
    marks = [*"abc"] * 30
    votes = vote_vectors(rng.normal(size=(400, 4)), rng.normal(size=(90, 4)), (1.0,), classes=(labels.tolist(), marks))
    truth = {name: float((labels == name).mean()) for name in classes}
    assert distribution([votes.sum(0)], [marks], classes) == pytest.approx(truth)
    noisy = [votes.sum(0) + 4 * rng.normal(size=90) for _ in range(4)]
    prior = Prior(np.ones(3), 400.0)
    for estimated in (
        distribution(noisy, [marks] * 4, classes),
        posterior_shares(noisy, [marks] * 4, classes, sigma=4.0, prior=prior, rng=rng),
    ):
        assert sum(abs(estimated[name] - truth[name]) for name in classes) / 2 < 0.06
        assert sum(estimated.values()) == pytest.approx(1) and min(estimated.values()) >= 0


@pytest.mark.parametrize("sigma", [0.5, 3.0, 10.0, 40.0])
def test_knowing_the_noise_is_never_worse_than_not_knowing_it_or_not_looking(sigma: float) -> None:
    rng, classes, marks = np.random.default_rng(int(sigma)), ["a", "b", "c"], ["a", "b", "c"] * 20
    prior = Prior(np.full(3, 1.0), 60.0)
    errors: dict[str, list[float]] = {"knowing": [], "plain": [], "blind": []}
    for _ in range(150):
        truth = rng.dirichlet(prior.concentration)
        votes = np.tile(truth * 60 / 20, 20) + sigma * rng.normal(size=60)
        estimates = {
            "knowing": posterior_shares([votes], [marks], classes, sigma=sigma, prior=prior, rng=rng),
            "plain": distribution([votes], [marks], classes),
            "blind": dict.fromkeys(classes, 1 / 3),
        }
        for name, estimate in estimates.items():
            errors[name].append(np.abs(np.array([estimate[c] for c in classes]) - truth).sum() / 2)
    knowing, plain, blind = (float(np.mean(errors[name])) for name in ("knowing", "plain", "blind"))
    assert knowing < plain + 0.01 and knowing < blind + 0.01
    if 3.0 <= sigma <= 10.0:
        assert knowing < min(plain, blind) - 0.01


def test_noise_alone_gives_the_prior() -> None:
    rng = np.random.default_rng(0)
    classes, marks, prior = ["a", "b"], ["a", "b"] * 20, Prior(np.array([6.0, 2.0]), 100.0)
    estimates = [
        posterior_shares([rng.normal(size=40)], [marks], classes, sigma=1.0, prior=prior, rng=rng)["a"]
        for _ in range(50)
    ]
    assert np.mean(estimates) == pytest.approx(0.75, abs=0.08)
    assert distribution([np.zeros(40)], [marks], classes) == {"a": 0.5, "b": 0.5}


def test_the_projection_is_the_nearest_point_of_the_simplex() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        y = rng.normal(size=4)
        limits = {"type": "eq", "fun": lambda x: x.sum() - 1}
        slow = minimize(
            lambda x, y: ((x - y) ** 2).sum(),
            np.full(4, 0.25),
            args=(y,),
            bounds=[(0, 1)] * 4,
            constraints=limits,
            tol=1e-12,
        )
        np.testing.assert_allclose(onto_simplex(y), slow.x, atol=1e-4)
