"""Class counts by the movement of prototypes between rounds."""

from __future__ import annotations

from typing import ClassVar

from attacks.label_inference.prototype_counts import PrototypeCounts

__all__ = ["VarianceCounts"]


class VarianceCounts(PrototypeCounts):
    """:class:`PrototypeCounts` by the variance between rounds; its shadow runs must have several rounds, too."""

    name: ClassVar[str] = "prototype_counts_variance"
    summary: ClassVar[str] = "class counts from how much prototypes move between rounds"
    source: ClassVar[str] = "law of the sample mean: Var p = tr(Sigma) / n"

    def __init__(self, *, shadows: int = 8) -> None:
        super().__init__(shadows=shadows, rule="variance")
