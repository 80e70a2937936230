from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.label_inference.prototype_counts import PrototypeCounts
from attacks.label_inference.prototype_shares import PrototypeShares
from harness.scenario.aggregate import CountSecret, DistributionSecret
from tests.stand_ins.defended_prototypes import world


def test_counts_below_zero_are_none() -> None:
    view = world(counts=30.0)
    truth = view.truth["counts"]
    for shadows in (0, 6):
        guess = PrototypeCounts(shadows=shadows).guess(view)
        assert min(n for row in guess.values() for n in row.values()) == 0.0
        shares = {p: {c: n / sum(row.values()) for c, n in row.items()} for p, row in truth.items()}
        assert DistributionSecret(shares).score(PrototypeShares(shadows=shadows).guess(view))


def errors(attack: Any, view: Any) -> Any:
    scores = CountSecret(view.truth["counts"]).score(attack.guess(view))
    return np.mean([s.value for s in scores if s.metric == "absolute_error"])


@pytest.mark.parametrize("rule", ["likelihood", "distance"])
def test_counts_under_noise_need_the_noise(rule: str) -> None:
    """Shadow runs with the defense show a noise that depends on the count, and dummies; those without show neither."""
    protocol: dict[str, Any] = {
        "per_record": 20.0,
        "with_counts": False,
        "options": {"candidates": 0, "sizes": (1, 3, 10)},
    }
    noisy = [world(seed, **protocol) for seed in range(4)]
    known, naive = (np.mean([errors(PrototypeCounts(rule=rule, shadows=n), v) for v in noisy]) for n in (6, 0))
    assert known < 0.8 * naive
    padded = [world(seed, dummies=True, rounds=3, options={"candidates": 0}) for seed in range(3)]
    assumed, seen = (np.mean([errors(PrototypeCounts(rule=rule, shadows=n), v) for v in padded]) for n in (0, 6))
    assert assumed > 0.5 and seen < 0.1
