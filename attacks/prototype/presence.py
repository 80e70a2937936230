"""Which classes a party holds: from the keys of its prototypes, and, against padding, by telling dummies apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from attacks.prototype.moments import Moments
from harness.attack import DataError, Floats

__all__ = ["FEATURES", "DummyDetector", "from_keys", "prototype_features", "typicality"]

FEATURES = ("distance to the class mean", "margin to the nearest other class", "norm", "drift", "coherence of drift")


def from_keys(sent: Collection[str], classes: Sequence[str]) -> Mapping[str, float]:
    """1 for every class of ``classes`` that occurs among the ``sent`` keys, else 0."""
    return {name: float(name in sent) for name in classes}


def prototype_features(rounds: Floats, name: str, models: Mapping[str, Moments]) -> Floats:
    """``[5]`` (:data:`FEATURES`) of one class's prototypes ``rounds [R, d]`` claimed to be of class ``name``.

    Distances are to the attacker's class means and relative to one record's standard deviation. A real class moves
    with the training model, in one direction for a while; a dummy is frozen or drawn afresh.
    """
    average, own = rounds.mean(0), models[name]
    scale = max(own.trace, 1e-30) ** 0.5
    distance = float(np.linalg.norm(average - own.mean)) / scale
    others = [float(np.linalg.norm(average - m.mean)) / scale for key, m in models.items() if key != name]
    margin = min(others) - distance if others else 0.0
    norm = float(np.linalg.norm(average)) / max(float(np.linalg.norm(own.mean)), 1e-30)
    return np.array([distance, margin, norm, *_drift(rounds, scale)])


def typicality(rounds: Floats, name: str, models: Mapping[str, Moments]) -> float:
    """Score without training, larger for a real class: how much nearer its own class mean lies than any other."""
    return float(prototype_features(rounds, name, models)[1])


class DummyDetector:
    """Logistic regression on :data:`FEATURES` of prototypes that the attacker made itself, real and dummy.

    With fewer than two kinds of examples there is nothing to tell apart: DataError.
    """

    def __init__(self, features: Floats, real: Sequence[bool]) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if len(set(real)) < 2:
            raise DataError("the dummy detector needs real and dummy prototypes: simulate the defense with both")
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, class_weight="balanced"))
        self._model: Any = model.fit(features, list(real))

    def scores(self, features: Floats) -> Floats:
        """Probability ``[k]`` that each row of ``features [k, 5]`` is of a real class."""
        found: Floats = self._model.predict_proba(features)[:, 1]
        return found


def _drift(rounds: Floats, scale: float) -> tuple[float, float]:
    """Mean length of the steps between rounds, and the mean cosine of successive steps (0 where there are too few)."""
    steps = np.diff(rounds, axis=0)
    if len(steps) == 0:
        return 0.0, 0.0
    lengths = np.linalg.norm(steps, axis=1)
    turns = (steps[1:] * steps[:-1]).sum(1) / np.maximum(lengths[1:] * lengths[:-1], 1e-30)
    return float(lengths.mean()) / scale, float(turns.mean()) if len(turns) else 0.0
