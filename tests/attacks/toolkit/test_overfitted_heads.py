"""Real training: every attack finds members of overfitted models, canaries most, and none in noise of their shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.toolkit import lira, rmia
from attacks.toolkit.confidence import log_likelihood, logit_confidence
from attacks.toolkit.gaussians import fit_gaussians, shrink_shifts
from attacks.toolkit.students import fit_student, prepare
from harness.metrics.membership import auc, tpr_at_fpr
from harness.util.arrays import Floats
from tests.stand_ins.overfitted_heads import trained


@pytest.fixture(scope="module")
def world() -> Any:
    return trained(np.random.default_rng(0))


def every_target(world: Any, score: Any) -> tuple[float, float, float]:
    """AUC on canaries and on ordinary records, and TPR at 1 % on canaries, each run a target in turn."""
    runs = range(len(world.members))
    scores = np.stack([score(one, np.array([run for run in runs if run != one])) for one in runs])
    parts = [(scores[:, mark].ravel(), world.members[:, mark].ravel()) for mark in (world.canary, ~world.canary)]
    return auc(*parts[0]), auc(*parts[1]), tpr_at_fpr(*parts[0], 0.01)


def attacks(world: Any, logits: Any) -> Any:
    phi, p = logit_confidence(logits, world.labels), np.exp(log_likelihood(logits, world.labels))
    said = world.public_logits.mean(0).argmax(1)
    z = np.exp(log_likelihood(world.public_logits, said))

    def gaussians(others: Any) -> Any:
        return shrink_shifts(fit_gaussians(phi[others], world.members[others]), world.canary.astype(int))

    def relative(run: Any, others: Any) -> Any:
        ratios = p[run] / rmia.marginal(p[others], world.members[others])
        return rmia.rmia(ratios, z[run] / rmia.marginal(z[others], None))

    return {
        "threshold": lambda one, others: p[one],
        "cooperative": lambda one, others: lira.cooperative(phi, one),
        "online": lambda one, others: lira.online(phi[one], gaussians(others)),
        "offline": lambda one, others: lira.offline(phi[one], gaussians(others)),
        "rmia": relative,
    }


def test_members_of_overfitted_models_are_found_and_canaries_most(world: Any) -> None:
    scores = {name: every_target(world, score) for name, score in attacks(world, world.logits).items()}
    assert all(canary > ordinary > 0.7 for canary, ordinary, _ in scores.values())
    assert scores["online"][0] > 0.95 and scores["rmia"][0] > 0.95
    assert scores["online"][2] > 0.25 > 10 * scores["threshold"][2]  # the threshold knows no record's difficulty
    assert scores["rmia"][2] > 0.15


def test_noise_of_the_right_shape_is_chance(world: Any) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=world.logits.shape) * world.logits.std()
    for canary, ordinary, rate in (every_target(world, score) for score in attacks(world, noise).values()):
        assert canary == pytest.approx(0.5, abs=0.03) and ordinary == pytest.approx(0.5, abs=0.03)
        assert rate < 0.025


def test_the_passive_channel_loses_nothing_where_the_party_is_linear_and_something_under_noise(world: Any) -> None:
    basis, rng = prepare(world.public), np.random.default_rng(2)

    def students(noise: float) -> Floats:
        heads = [fit_student(basis, one + noise * rng.normal(size=one.shape)) for one in world.public_logits]
        return np.stack([head.logits(world.embeddings) for head in heads])

    chosen = every_target(world, attacks(world, world.logits)["online"])
    passive = every_target(world, attacks(world, students(0.0))["online"])
    noisy = every_target(world, attacks(world, students(4.0))["online"])
    assert passive[0] == pytest.approx(chosen[0], abs=0.005)
    assert 0.55 < noisy[0] < passive[0] - 0.02
