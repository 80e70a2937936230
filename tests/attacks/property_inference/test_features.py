from __future__ import annotations

import numpy as np
import pytest

from attacks.property_inference.property_logits import logit_features
from attacks.property_inference.property_prototypes import prototype_features
from harness.errors import DataError


def test_logit_features_ignore_what_softmax_ignores() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(3, 6, 4))
    assert logit_features(logits) == pytest.approx(logit_features(logits + rng.normal(size=(3, 6, 1))))
    assert logit_features(logits).shape == (24,) and logit_features(logits[0]).shape == (24,)
    logits[..., 0] = -np.inf
    assert np.isfinite(logit_features(logits)).all()


def test_prototype_features_average_rounds_and_mark_absent_classes() -> None:
    rounds = [{"a": np.array([1.0, 2.0])}, {"a": np.array([3.0, 4.0]), "b": np.array([5.0, 6.0])}]
    assert prototype_features(rounds, ["a", "b", "c"], 2).tolist() == [2, 3, 1, 5, 6, 0.5, 0, 0, 0]
    with pytest.raises(DataError, match=r"b \[2\]"):
        prototype_features(rounds[1:], ["a"], 3)
    with pytest.raises(DataError, match="0 rounds"):
        prototype_features([], ["a"], 2)
