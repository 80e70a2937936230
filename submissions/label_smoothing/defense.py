"""Local training towards softened labels."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from harness import Defense


class LabelSmoothing(Defense):
    """Cross-entropy towards ``(1 - smoothing)`` of the label and ``smoothing`` of the uniform distribution."""

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def objective(self, activations: Tensor, batch: Any) -> Tensor:
        """What turns the cross-entropy of the labels into that of the mixture."""
        log_p, labels = activations.log_softmax(-1), batch[-1]
        hard = -log_p.gather(-1, labels[:, None]).squeeze(-1)
        return self.smoothing * (-log_p.mean(-1) - hard).mean()
