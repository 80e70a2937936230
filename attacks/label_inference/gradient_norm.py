"""Labels of training records by the norm of their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.readers.cut_gradients import epochs_of, normalised, scores_by_record
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["GradientNorm"]


class GradientNorm(Attack):
    """The rarer class is predicted with less certainty, so that its gradients are longer.

    A record's rank by its norm over the median of its batch, averaged over epochs. Says nothing where both classes are
    as frequent; the score is read either way round.
    """

    name: ClassVar[str] = "gradient_norm"
    summary: ClassVar[str] = "length of a record's gradient"
    source: ClassVar[str] = "Li et al. 2022, Label leakage and protection in two-party split learning, section 3.1"
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def guess(self, view: View) -> Guess:
        """Record -> share of all records with a shorter gradient."""
        norms = [(e.records, np.linalg.norm(normalised(e), axis=1)) for e in epochs_of(view)]
        means = scores_by_record(norms)
        order = sorted(means, key=lambda record: (means[record], record))
        return {record: (place + 0.5) / len(order) for place, record in enumerate(order)}
