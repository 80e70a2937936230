"""Dummies told from real classes by shadow runs, whose class counts are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attacks.prototype.moments import Moments
from attacks.prototype.presence import DummyDetector, prototype_features
from attacks.prototype.reading import Prototype, of_class, prototypes
from attacks.prototype.space import known_count
from harness.attack import Floats

if TYPE_CHECKING:
    from harness.attack import Shadow

__all__ = ["features_of", "learned_detector"]


def learned_detector(
    shadows: Sequence[Shadow], labels: Sequence[str], models: Mapping[str, Moments]
) -> tuple[DummyDetector | None, float]:
    """A detector if the shadows' prototypes are of both kinds; and the score of a class that was not sent."""
    rows: list[Floats] = []
    real: list[bool] = []
    missing: list[bool] = []
    for shadow in shadows:
        found = prototypes(shadow.transcript, labels)
        for party in shadow.truth.get("counts", {}):
            for label in labels:
                count = known_count(shadow.truth, party, label, labels) or 0.0
                sent = of_class(found, party, label)
                if not sent:
                    missing.append(count > 0)
                elif label in models:
                    rows.append(features_of(sent, models))
                    real.append(count > 0)
    absent = (sum(missing) + 0.0) / (len(missing) + 1.0)
    return (DummyDetector(np.stack(rows), real) if len(set(real)) == 2 else None), absent


def features_of(sent: Sequence[Prototype], models: Mapping[str, Moments]) -> Floats:
    """Features of a class's prototypes; in another space than the public one only norm and drift mean anything."""
    vectors, label = np.stack([p.vector for p in sent]), sent[0].label
    if vectors.shape[1] == len(models[label].mean):
        return prototype_features(vectors, label, models)
    unit = {label: Moments(np.ones(vectors.shape[1]), np.eye(vectors.shape[1]))}
    found = prototype_features(vectors, label, unit)
    return np.array([0.0, 0.0, *found[2:]])
