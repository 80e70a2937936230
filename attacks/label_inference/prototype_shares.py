"""Class shares of every party, from its estimated class counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.prototype_counts import PrototypeCounts
from harness.attack import Floats

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["PrototypeShares", "proportions"]


class PrototypeShares(PrototypeCounts):
    """Label distribution of every party, from its estimated class counts."""

    name: ClassVar[str] = "prototype_shares"
    summary: ClassVar[str] = "label distribution from estimated class counts"
    secret: ClassVar[str] = "label_distribution"

    def guess(self, view: View) -> Guess:
        """Party -> class -> share."""
        counts = super().guess(view)
        shares = {party: proportions(np.array(list(row.values()))) for party, row in counts.items()}
        return {party: dict(zip(row, shares[party].tolist(), strict=True)) for party, row in counts.items()}


def proportions(counts: Floats) -> Floats:
    """Class proportions of estimated ``counts [C]``; uniform where nothing was found."""
    total = counts.sum()
    return counts / total if total > 0 else np.full(len(counts), 1 / max(len(counts), 1))
