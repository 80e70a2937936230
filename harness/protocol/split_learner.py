"""One side's part in training a model that is split between parties: its modules, its optimiser, its share of the work.

In split training nobody has a loss of the whole model: gradients arrive and leave as messages. The loop is the
scenario's; what acts in it on behalf of a defense (its modules in the optimiser, its objective at the cut) acts here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness.defense import Defense
from harness.models.meter import Meter

__all__ = ["SplitLearner"]

BACKWARD = 2
"""Operations of a backward pass over those of the forward pass: gradients of inputs and of weights."""


class SplitLearner:
    """Modules of one side with their optimiser (AdamW without weight decay)."""

    def __init__(self, modules: Sequence[nn.Module], lr: float, meter: Meter, defense: Defense | None = None) -> None:
        extra = list(defense.modules()) if defense else []
        weights = [p for module in (*modules, *extra) for p in module.parameters() if p.requires_grad]
        self._optimiser = torch.optim.AdamW(weights, lr=lr, weight_decay=0.0) if weights else None
        self._meter = meter
        self._defense = defense

    def run(self, part: Any, x: Tensor, mask: Tensor, *, training: bool = True) -> Tensor:
        """Output [B, T, d] of a part (:class:`harness.models.part.Part`, adapted or not) on a padded batch.

        ``x``: token ids [B, T] or states [B, T, d]; ``mask`` [B, T], 1 on real tokens. Its operations are counted,
        those of the backward pass too where it is ``training``.
        """
        passes = 1 + BACKWARD if training else 1
        self._meter.flops += passes * sum(part.flops(int(length)) for length in mask.sum(1).tolist())
        with torch.inference_mode(not training):
            out: Tensor = part(x, mask=mask)
        return out

    def objective(self, activations: Tensor, batch: Any) -> Tensor | None:
        """The extra loss term of the defense, or None."""
        return None if self._defense is None else self._defense.objective(activations, batch)

    def step(self) -> None:
        """One step of the optimiser along the gradients that have come together since the last."""
        if self._optimiser is not None:
            self._optimiser.step()
            self._optimiser.zero_grad()
