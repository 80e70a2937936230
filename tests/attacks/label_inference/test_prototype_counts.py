from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.label_inference.blind_classes import BlindClasses
from attacks.label_inference.prototype_counts import PrototypeCounts
from attacks.label_inference.prototype_counts_distance import DistanceCounts
from attacks.label_inference.prototype_counts_variance import VarianceCounts
from attacks.label_inference.prototype_shares import PrototypeShares
from harness.errors import SuiteError
from harness.scenario.aggregate import DistributionSecret
from tests.stand_ins.prototype_world import errors, world


def test_counts_are_read_where_sent_and_estimated_where_not() -> None:
    assert errors(PrototypeCounts(), world(protocol={"counts": True})) == 0.0
    mean_errors = {
        rule: np.mean([errors(PrototypeCounts(rule=rule), world(s, sizes=(1, 8, 30))) for s in range(4)])
        for rule in ("likelihood", "distance")
    }
    guess = np.mean([errors(BlindClasses(size=13 * 3), world(s, sizes=(1, 8, 30))) for s in range(4)])
    assert mean_errors["likelihood"] < mean_errors["distance"] < guess
    assert mean_errors["likelihood"] < 4


def test_shadows_correct_counts_in_a_space_of_its_own() -> None:
    secret = np.random.default_rng(1).normal(size=(24, 24))
    options: dict[str, Any] = {
        "protocol": {"secret": secret, "rounds": 4, "moving": 1.0},
        "sizes": (1, 8, 30),
        "shadows": 10,
    }
    blind = errors(BlindClasses(size=13 * 3), world(**options))
    assert errors(PrototypeCounts(shadows=10), world(**options)) < 0.7 * blind
    assert errors(PrototypeCounts(shadows=10, rule="variance"), world(**options)) < blind
    for named, rule in ((DistanceCounts, "distance"), (VarianceCounts, "variance")):
        view = world(**options)
        assert named(shadows=10).guess(view) == PrototypeCounts(shadows=10, rule=rule).guess(view)
    with pytest.raises(SuiteError, match="shadow runs of several rounds"):
        PrototypeCounts(rule="variance").guess(world())
    with pytest.raises(SuiteError, match="none of"):
        PrototypeCounts(rule="guess")
    silent = VarianceCounts(shadows=3).guess(world(protocol={"fewest": 10**6, "rounds": 2}, shadows=3))
    assert {n for row in silent.values() for n in row.values()} == {0.0}


def test_shares_follow_from_counts() -> None:
    view = world(sizes=(0, 8, 30))
    truth = {p: {c: n / sum(row.values()) for c, n in row.items()} for p, row in view.truth["counts"].items()}
    secret = DistributionSecret(truth)
    reached, blind = (
        np.mean([s.value for s in secret.score(attack.guess(view)) if s.metric == "tv"])
        for attack in (PrototypeShares(), BlindClasses())
    )
    assert reached < blind / 2
