"""Which classes a party holds, read from its prototypes, as an attack on a run; and the blind guess at classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.prototype.detecting import features_of, learned_detector
from attacks.prototype.reading import (
    auxiliary_shares,
    class_moments,
    labels_of,
    of_class,
    parties_of,
    prototypes,
    public_parties,
)
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

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
        detector, absent = learned_detector(shadows, labels, models)
        found = prototypes(view.transcript, labels)

        def score(party: str, label: str) -> float:
            sent = of_class(found, party, label)
            if not sent:
                return absent
            if detector is None or label not in models:
                return 1.0
            return float(detector.scores(features_of(sent, models)[None])[0])

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
        shares = {label: self.size * share for label, share in auxiliary_shares(view).items()}
        return {party: dict(shares) for party in public_parties(view)}
