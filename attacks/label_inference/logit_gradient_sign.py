"""Labels of training records by the sign of the gradient in their logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.label_guess import squashed
from attacks.toolkit.readers.cut_gradients import epochs_of, scores_by_record
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Public, View

__all__ = ["LogitGradientSign"]


class LogitGradientSign(Attack):
    """The gradient of the cross-entropy in the logits, p - y, is negative at the label alone."""

    name: ClassVar[str] = "logit_gradient_sign"
    summary: ClassVar[str] = "the logit whose gradient is negative"
    source: ClassVar[str] = "Fu et al. 2022, Label inference attacks against vertical federated learning, section 4.4"
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT", "LOGITS")
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def refuses(self, public: Public) -> str | None:
        """Only where the private party sends gradients of logits."""
        if said := super().refuses(public):
            return said
        u_shaped = public.need(FinetuneFacts).topology != "head-tail"
        return "gradients of states are sent, none of logits" if u_shaped else None

    def guess(self, view: View) -> Guess:
        """Record -> a score above one half where class 1 has the smaller gradient, summed over epochs as signs."""
        scores = [(e.records, np.tanh(_relative(e.vectors[:, 0] - e.vectors[:, 1]))) for e in epochs_of(view)]
        return squashed(scores_by_record(scores))


def _relative(values: np.ndarray) -> np.ndarray:
    """Values over their median size."""
    return values / max(float(np.median(np.abs(values))), 1e-30)
