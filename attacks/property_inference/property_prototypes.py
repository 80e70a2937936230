"""Property of a party's dataset from its prototypes, by a meta-classifier on shadow parties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.property_inference.property_logits import PropertyLogits
from attacks.toolkit.readers.prototypes import prototypes
from attacks.toolkit.view import labels_of
from harness.attack import SERVER, DataError, Floats

if TYPE_CHECKING:
    from harness.attack import SeenMessage, View

__all__ = ["PropertyPrototypes", "prototype_features"]


class PropertyPrototypes(PropertyLogits):
    """Logistic regression on a party's class prototypes and on the set of classes that it sent."""

    name: ClassVar[str] = "property_prototypes"
    summary: ClassVar[str] = "meta-classifier on the prototypes of shadow parties with and without the property"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def features(self, view: View, transcript: Sequence[SeenMessage]) -> Mapping[str, Floats]:
        """Party -> features of what it sent."""
        names = labels_of(view.public)
        sent: dict[str, dict[int, dict[str, Floats]]] = {}
        for prototype in prototypes(transcript, names):
            if prototype.party != SERVER:
                sent.setdefault(prototype.party, {}).setdefault(prototype.round, {})[prototype.label] = prototype.vector
        sizes = {party: len(next(iter(next(iter(rounds.values())).values()))) for party, rounds in sent.items()}
        return {party: prototype_features(list(sent[party].values()), names, sizes[party]) for party in sent}


def prototype_features(rounds: Sequence[Mapping[str, Floats]], classes: Sequence[str], size: int) -> Floats:
    """``[len(classes) * (size + 1)]`` from per-round class means ``name -> [size]``.

    Per class: the mean over the rounds that have it (zeros in none), and the share of rounds that have it.

    Raises:
        DataError: no rounds, or a mean is not of that size.
    """
    wrong = sorted(
        {f"{name} {list(mean.shape)}" for one in rounds for name, mean in one.items() if mean.shape != (size,)}
    )
    if not rounds or wrong:
        raise DataError(
            f"{len(rounds)} rounds of prototypes of {size} numbers; wrong shapes: {', '.join(wrong) or 'none'}"
        )
    parts = []
    for name in classes:
        means = [one[name] for one in rounds if name in one]
        parts.append(np.append(np.mean(means, axis=0) if means else np.zeros(size), len(means) / len(rounds)))
    return np.concatenate(parts)
