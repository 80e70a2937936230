"""Labels of training records by the first singular direction of their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.label_guess import by_hints, principal, squashed
from attacks.toolkit.readers.cut_gradients import epochs_of, finetuning, normalised, scores_by_record
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Floats, Guess, View

__all__ = ["GradientSpectral", "aligned"]


class GradientSpectral(Attack):
    """Gradients of both classes lie along one line, on two sides: the projection on the first singular vector.

    Of each epoch its own, turned so that epochs agree; which side is class 1 is read off the hints (or both ways
    round: the score counts turned, too). Needs no label otherwise.
    """

    name: ClassVar[str] = "gradient_spectral"
    summary: ClassVar[str] = "projection on the first singular vector of all gradients"
    source: ClassVar[str] = (
        "Sun et al. 2022, Label leakage and protection from forward embedding in vertical FL, section 3"
    )
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def guess(self, view: View) -> Guess:
        """Record -> a score above one half on the side of class 1."""
        facts = finetuning(view)
        scores = aligned([(e.records, normalised(e) @ principal(normalised(e))) for e in epochs_of(view)])
        hints = {record: int(label == facts.labels[1]) for record, label in facts.hints.items()}
        return squashed(by_hints(scores, hints))


def aligned(epochs: list[tuple[tuple[str, ...], Floats]]) -> dict[str, float]:
    """Mean scores by record, each epoch turned to agree with those before it."""
    turned: list[tuple[tuple[str, ...], Floats]] = []
    for records, values in epochs:
        before = scores_by_record(turned)
        agreement = float(np.dot(values, [before.get(record, 0.0) for record in records]))
        turned.append((records, -values if agreement < 0 else values))
    return scores_by_record(turned)
