"""Labels of training records from the gradient of a whole batch, of which nobody's share is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.gradient_spectral import aligned
from attacks.toolkit.label_guess import by_hints, principal, squashed
from attacks.toolkit.readers.cut_gradients import Epoch, epochs_of, finetuning, normalised, states_of
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Floats, Guess, View

__all__ = ["BatchInversion", "shares"]


class BatchInversion(Attack):
    """The shares of all records in the gradient of a linear layer's weights, in closed form.

    A layer that is fed known vectors H [B, d] and gets gradients G [B, e] has the weight gradient M = G^T H. While the
    vectors are linearly independent (B at most d), G^T = M H^+, exactly and without any optimisation. So a protocol
    that adds the batch up before it sends hides nothing. This attack uses sums of batches alone, though each record's
    gradient is sent, and then reads labels as ``gradient_spectral`` does.
    """

    name: ClassVar[str] = "batch_inversion"
    summary: ClassVar[str] = "each record's share in the sum of a batch, in closed form"
    source: ClassVar[str] = (
        "Zou et al. 2022, Defending batch-level label inference and replacement attacks in vertical federated "
        "learning, section 3.2 (there by optimisation)"
    )
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT", "HIDDEN")
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def guess(self, view: View) -> Guess:
        """Record -> a score above one half on the side of class 1."""
        facts, states = finetuning(view), states_of(view)
        epochs = [_recovered(epoch, states) for epoch in epochs_of(view)]
        scores = aligned([(e.records, normalised(e) @ principal(normalised(e))) for e in epochs])
        hints = {record: int(label == facts.labels[1]) for record, label in facts.hints.items()}
        return squashed(by_hints(scores, hints))


def shares(total: Floats, inputs: Floats) -> Floats:
    """Gradients ``[B, e]`` of the outputs for one weight gradient ``total [e, d]`` of inputs ``[B, d]``; those of the
    least norm where the inputs are not independent."""
    recovered: Floats = (total @ np.linalg.pinv(inputs)).T
    return recovered


def _recovered(epoch: Epoch, states: dict[int, Floats]) -> Epoch:
    """The epoch with gradients that were recovered from the sum of each batch alone."""
    vectors = np.zeros_like(epoch.vectors)
    for number in dict.fromkeys(epoch.rounds):
        members = np.array(epoch.rounds) == number
        inputs = states[number]
        vectors[members] = shares(epoch.vectors[members].T @ inputs, inputs)
    return Epoch(epoch.records, vectors, epoch.rounds)
