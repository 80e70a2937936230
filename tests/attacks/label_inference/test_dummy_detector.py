from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from attacks.label_inference.dummy_detector import DummyDetector, prototype_features
from attacks.toolkit.prototype_space.moments import ClassMoments, fit_by_class
from harness.errors import DataError
from harness.metrics.membership import auc
from harness.util.arrays import Floats


def typicality(rounds: Floats, name: str, models: Mapping[str, ClassMoments]) -> float:
    """Score without training, larger for a real class: how much nearer its own class mean lies than any other."""
    return float(prototype_features(rounds, name, models)[1])


def classes(rng: np.random.Generator, d: int = 40) -> Any:
    means = {name: rng.normal(size=d) for name in "abcd"}
    labels = [name for name in "abcd" for _ in range(50)]
    return fit_by_class(np.stack([means[name] + rng.normal(size=d) for name in labels]), labels), means


def trajectories(rng: np.random.Generator, means: Any, real: Any, rounds: int = 4) -> Iterator[Any]:
    """A real class is a mean of 5 records that drifts; a dummy is drawn afresh around the mean of all classes."""
    for index in range(80):
        name = "abcd"[index % 4]
        if real:
            start = means[name] + rng.normal(size=40) / 5**0.5
            yield name, start + np.arange(rounds)[:, None] * rng.normal(size=40) * 0.05
        else:
            yield name, np.mean(list(means.values()), axis=0) + rng.normal(size=(rounds, 40)) / 5**0.5


def test_dummies_are_told_from_real_classes_with_and_without_training() -> None:
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


def test_dummies_drawn_like_real_classes_are_not_told_apart() -> None:
    rng = np.random.default_rng(0)
    models, means = classes(rng)
    both = [p for _ in range(2) for p in trajectories(rng, means, True)]
    features = np.stack([prototype_features(p, name, models) for name, p in both])
    labels = rng.permutation([1] * 80 + [0] * 80)
    detector = DummyDetector(features[::2], labels[::2].astype(bool).tolist())
    assert abs(auc(detector.scores(features[1::2]), labels[1::2]) - 0.5) < 0.2


def test_one_round_has_no_drift() -> None:
    models, means = classes(np.random.default_rng(0))
    assert prototype_features(means["a"][None], "a", models)[3:].tolist() == [0.0, 0.0]
