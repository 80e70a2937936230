"""Class counts by the distance of prototypes to the class mean."""

from __future__ import annotations

from typing import ClassVar

from attacks.label_inference.prototype_counts import PrototypeCounts

__all__ = ["DistanceCounts"]


class DistanceCounts(PrototypeCounts):
    """:class:`PrototypeCounts` by the excess-distance rule, under a name of its own: results are kept by name."""

    name: ClassVar[str] = "prototype_counts_distance"
    summary: ClassVar[str] = "class counts from how far prototypes lie from the class mean"
    source: ClassVar[str] = "law of the sample mean: E|p - mu|^2 = tr(Sigma) / n"

    def __init__(self, *, shadows: int = 0) -> None:
        super().__init__(shadows=shadows, rule="distance")
