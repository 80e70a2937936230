"""Which classes a party holds, read from its prototypes, as an attack on a run; and the blind guess at classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.prototype.moments import Moments
from attacks.prototype.presence import DummyDetector, prototype_features
from attacks.prototype.reading import (
    Prototype,
    class_moments,
    labels_of,
    of_class,
    parties_of,
    prototypes,
    public_parties,
)
from attacks.prototype.space import known_count
from harness.attack import Attack
from harness.score.statistic import Floats

if TYPE_CHECKING:
    from harness.attack import Guess, View
    from harness.coalition import Shadow

__all__ = ["BlindClasses", "PrototypePresence"]


class PrototypePresence(Attack):
    """Classes of every party: the keys it sent; with shadow runs that hold dummies, a classifier tells them apart."""

    name: ClassVar[str] = "prototype_presence"
    summary: ClassVar[str] = "classes that were sent, dummies told apart by distance, norm and drift"
    source: ClassVar[str] = "structure of FedProto's messages (Tan et al. 2022)"
    secret: ClassVar[str] = "class_presence"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def guess(self, view: View) -> Guess:
        """Party -> class -> score, larger for present."""
        labels, models = labels_of(view.public), class_moments(view)
        shadows = view.shadows(self.shadows) if self.shadows and view.adaptive else []
        size = len(next(iter(models.values())).mean)
        detector, absent = _detector(shadows, labels, models, size)
        found = prototypes(view.transcript, labels)

        def score(party: str, label: str) -> float:
            sent = of_class(found, party, label)
            if not sent:
                return absent
            if detector is None or label not in models:
                return 1.0
            return float(detector.scores(_features(sent, models, size)[None])[0])

        return {party: {label: score(party, label) for label in labels} for party in parties_of(view)}


class BlindClasses(Attack):
    """Without the transcript: every party is like the auxiliary records.

    Shares for a label distribution and for presence; for counts give ``size``, the usual number of records.
    """

    name: ClassVar[str] = "blind_classes"
    summary: ClassVar[str] = "the auxiliary records' class shares for every party"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True

    def __init__(self, *, size: float = 1.0) -> None:
        self.size = size

    def guess(self, view: View) -> Guess:
        """Party -> class -> share times ``size``."""
        labels = labels_of(view.public)
        own = [record.label for record in view.public.auxiliary]
        shares = {label: self.size * (own.count(label) + 1) / (len(own) + len(labels)) for label in labels}
        return {party: dict(shares) for party in public_parties(view)}


def _detector(
    shadows: Sequence[Shadow], labels: Sequence[str], models: Mapping[str, Moments], size: int
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
                    rows.append(_features(sent, models, size))
                    real.append(count > 0)
    absent = (sum(missing) + 0.0) / (len(missing) + 1.0)
    return (DummyDetector(np.stack(rows), real) if len(set(real)) == 2 else None), absent


def _features(sent: Sequence[Prototype], models: Mapping[str, Moments], size: int) -> Floats:
    """Features of a class's prototypes; in another space than the public one only norm and drift mean anything."""
    vectors = np.stack([p.vector for p in sent])
    if vectors.shape[1] == size:
        return prototype_features(vectors, sent[0].label, models)
    unit = {sent[0].label: Moments(np.ones(vectors.shape[1]), np.eye(vectors.shape[1]))}
    found = prototype_features(vectors, sent[0].label, unit)
    return np.array([0.0, 0.0, *found[2:]])
