"""Noise along each record's own gradient, so that all records have one expected norm."""

from __future__ import annotations

import torch
from torch import Tensor

from harness import Defense, Kind, Message


class MaxNorm(Defense):
    """Each record's gradient times ``1 + s e``, ``e`` standard normal: ``s`` makes the expected squared norm that of
    ``factor`` times the largest norm in the batch, so that norms no longer tell classes apart.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.GRADIENT:
            return message
        lengths = message.payload.get("lengths")
        return message.replace(**{name: self.noisy(x, lengths) for name, x in message.tensors().items()})

    def noisy(self, x: Tensor, lengths: object) -> Tensor:
        """The rows ``[n, d]`` of all records, each record's scaled by a factor of its own."""
        sizes = list(lengths) if isinstance(lengths, list) else [1] * len(x)
        norms = torch.stack([part.norm() for part in torch.split(x, sizes)])
        aim = self.factor * norms.max()
        spread = ((aim / norms.clamp_min(1e-12)).square() - 1).clamp_min(0).sqrt()
        factors = 1 + spread * torch.randn(len(norms), generator=self.me.generator)
        return x * factors.repeat_interleave(torch.tensor(sizes))[:, None]
