"""Detector of dummy prototypes, trained on shadow runs whose class counts are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.toolkit.prototype_space.moments import ClassMoments
from attacks.toolkit.prototype_space.space import known_count
from attacks.toolkit.readers.prototypes import Prototype, of_class, prototypes
from harness.attack import DataError, Floats

if TYPE_CHECKING:
    from harness.attack import Shadow

__all__ = ["FEATURES", "DummyDetector", "features_of", "learned_detector", "prototype_features"]

FEATURES = ("distance to the class mean", "margin to the nearest other class", "norm", "drift", "coherence of drift")


def prototype_features(rounds: Floats, name: str, models: Mapping[str, ClassMoments]) -> Floats:
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
        probabilities: Floats = self._model.predict_proba(features)[:, 1]
        return probabilities


def _drift(rounds: Floats, scale: float) -> tuple[float, float]:
    """Mean length of the steps between rounds, and the mean cosine of successive steps (0 where there are too few)."""
    steps = np.diff(rounds, axis=0)
    if len(steps) == 0:
        return 0.0, 0.0
    lengths = np.linalg.norm(steps, axis=1)
    turns = (steps[1:] * steps[:-1]).sum(1) / np.maximum(lengths[1:] * lengths[:-1], 1e-30)
    return float(lengths.mean()) / scale, float(turns.mean()) if len(turns) else 0.0


def learned_detector(
    shadows: Sequence[Shadow], labels: Sequence[str], models: Mapping[str, ClassMoments]
) -> tuple[DummyDetector | None, float]:
    """A detector if the shadows' prototypes are of both kinds; and the score of a class that was not sent."""
    rows: list[Floats] = []
    real: list[bool] = []
    missing: list[bool] = []
    for shadow in shadows:
        sent_by_all = prototypes(shadow.transcript, labels)
        for party in shadow.truth.get("counts", {}):
            for label in labels:
                count = known_count(shadow.truth, party, label, labels) or 0.0
                sent = of_class(sent_by_all, party, label)
                if not sent:
                    missing.append(count > 0)
                elif label in models:
                    rows.append(features_of(sent, models))
                    real.append(count > 0)
    absent = (sum(missing) + 0.0) / (len(missing) + 1.0)
    return (DummyDetector(np.stack(rows), real) if len(set(real)) == 2 else None), absent


def features_of(sent: Sequence[Prototype], models: Mapping[str, ClassMoments]) -> Floats:
    """Features of a class's prototypes; in another space than the public one only norm and drift mean anything."""
    vectors, label = np.stack([p.vector for p in sent]), sent[0].label
    if vectors.shape[1] == len(models[label].mean):
        return prototype_features(vectors, label, models)
    unit = {label: ClassMoments(np.ones(vectors.shape[1]), np.eye(vectors.shape[1]))}
    features = prototype_features(vectors, label, unit)
    return np.array([0.0, 0.0, *features[2:]])
