from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.property_inference.property_logits import logit_features
from attacks.property_inference.property_prototypes import prototype_features
from attacks.toolkit.meta_classifier import COMPONENTS, property_score
from harness.errors import DataError
from harness.metrics.membership import auc
from harness.util.arrays import Floats, Mask
from tests.stand_ins.planted_property import CLASSES, planted


def each_in_turn(features: Floats, has: Mask, rng: np.random.Generator, *, components: int = COMPONENTS) -> Floats:
    """Log-odds ``[s]`` of every run of ``features [s, features]`` as the target, with all others as its shadows."""
    runs = np.arange(len(features))
    others = [runs != one for one in runs]
    scores = [
        property_score(features[one], features[rest], has[rest], rng, components=components)
        for one, rest in zip(runs, others, strict=True)
    ]
    return np.array(scores)


NAMES = [str(c) for c in range(CLASSES)]


def features(runs: Any, kind: str) -> Floats:
    if kind == "logits":
        return np.stack([logit_features(one) for one in runs.logits])
    return np.stack([prototype_features([one], NAMES, len(one["0"])) for one in runs.prototypes])


@pytest.mark.parametrize("kind", ["logits", "prototypes"])
def test_a_planted_property_is_found_and_an_equal_share_is_not(kind: str) -> None:
    rng = np.random.default_rng(0)
    runs = planted(rng)
    assert auc(each_in_turn(features(runs, kind), runs.has, rng), runs.has) > 0.9
    same = planted(rng, runs=80, shares=(0.5, 0.5))
    assert auc(each_in_turn(features(same, kind), same.has, rng), same.has) == pytest.approx(0.5, abs=0.19)


def test_a_weak_property_is_found_better_with_more_shadows() -> None:
    aucs = {}
    for runs in (12, 64):
        worlds = [planted(np.random.default_rng(seed), runs=runs, shares=(0.35, 0.65)) for seed in range(3)]
        scores = [each_in_turn(features(w, "prototypes"), w.has, np.random.default_rng(9)) for w in worlds]
        aucs[runs] = np.mean([auc(s, w.has) for s, w in zip(scores, worlds, strict=True)])
    assert 0.75 < aucs[64] > aucs[12]


@pytest.mark.slow
def test_leaving_one_out_of_noise_is_chance() -> None:
    """Also with unequal sides: without balancing, the rest of the shadows would tell the label of the one left out."""
    rng, areas = np.random.default_rng(1), []
    for _ in range(40):
        noise, has = rng.normal(size=(24, 10)), np.arange(24) < 8
        areas.append(auc(each_in_turn(noise, has, rng), has))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)


def test_one_component_is_a_threshold_on_it() -> None:
    """In one dimension the classifier is monotone: the score orders targets as the feature does."""
    rng = np.random.default_rng(2)
    has = np.arange(40) < 20
    shadows = (rng.normal(size=40) + 2.0 * has)[:, None]
    points = np.linspace(-3, 5, 9)
    scores = [property_score(np.array([point]), shadows, has, rng) for point in points]
    assert scores == sorted(scores) and scores[0] < 0 < scores[-1]
    middle = (shadows[has].mean() + shadows[~has].mean()) / 2
    assert property_score(np.array([middle]), shadows, has, rng) == pytest.approx(0.0, abs=0.3)


def test_scale_and_offset_of_features_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    runs = planted(rng, runs=20)
    x = features(runs, "logits")
    has = np.arange(20) % 2 == 0  # equal sides, so that the rest of one side is what is drawn from
    scores = [property_score(y[0], y[1:-1], has[1:-1], np.random.default_rng(4)) for y in (x, 1e-3 * x + 5.0)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_unusable_shadows_are_refused() -> None:
    rng = np.random.default_rng(6)
    with pytest.raises(DataError, match=r"1 of 3 shadows.*2 must not"):
        property_score(np.zeros(2), np.zeros((3, 2)), np.array([True, False, False]), rng)
    with pytest.raises(DataError, match="not finite"):
        property_score(np.zeros(1), np.full((4, 1), np.nan), np.array([True, True, False, False]), rng)
    with pytest.raises(DataError, match="target"):
        property_score(np.zeros(3), np.zeros((4, 1)), np.array([True, True, False, False]), rng)
