"""Labels of training records by the direction of their gradients, from one known record."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.readers.cut_gradients import epochs_of, finetuning, hinted, scores_by_record
from harness.attack import Attack, FinetuneFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["GradientDirection"]


class GradientDirection(Attack):
    """Cosine of a record's gradient with that of one record known to be of class 1, averaged over epochs.

    The known record is a hint, which no secret holds: it is never among what is scored. One hint may be an unlucky one,
    so no verdict should rest on this attack alone.
    """

    name: ClassVar[str] = "gradient_direction"
    summary: ClassVar[str] = "cosine with the gradient of one known record"
    source: ClassVar[str] = "Li et al. 2022, Label leakage and protection in two-party split learning, section 3.2"
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def guess(self, view: View) -> Guess:
        """Record -> cosine, from -1 ... 1 to 0 ... 1."""
        facts, scores = finetuning(view), []
        for epoch in epochs_of(view):
            positive = hinted(facts, epoch.records).of(1)
            if not positive:
                raise SuiteError(f"{self.name}: no record of class 1 is known; give hints")
            norms = np.maximum(np.linalg.norm(epoch.vectors, axis=1), 1e-30)
            unit = epoch.vectors / norms[:, None]
            scores.append((epoch.records, (1 + unit @ unit[positive[0]]) / 2))
        return scores_by_record(scores)
