"""Presence of classes in a party's data, from its prototypes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.label_inference.dummy_detector import features_of, learned_detector
from attacks.toolkit.prototype_space.moments import class_moments
from attacks.toolkit.readers.prototypes import of_class, prototypes
from attacks.toolkit.view import labels_of, parties_of
from harness.attack import Attack, PopulationFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["PrototypePresence"]


class PrototypePresence(Attack):
    """Classes of every party: the keys it sent; with shadow runs that hold dummies, a classifier tells them apart."""

    name: ClassVar[str] = "prototype_presence"
    summary: ClassVar[str] = "classes that were sent, dummies told apart by distance, norm and drift"
    source: ClassVar[str] = "structure of FedProto's messages (Tan et al. 2022)"
    secret: ClassVar[str] = "class_presence"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def guess(self, view: View) -> Guess:
        """Party -> class -> score, larger for present."""
        labels, models = labels_of(view.public), class_moments(view)
        shadows = view.shadows(self.shadows) if self.shadows and view.adaptive else []
        detector, absent = learned_detector(shadows, labels, models)
        sent_by_all = prototypes(view.transcript, labels)

        def score(party: str, label: str) -> float:
            sent = of_class(sent_by_all, party, label)
            if not sent:
                return absent
            if detector is None or label not in models:
                return 1.0
            return float(detector.scores(features_of(sent, models)[None])[0])

        return {party: {label: score(party, label) for label in labels} for party in parties_of(view)}
