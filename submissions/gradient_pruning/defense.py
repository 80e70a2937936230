"""Send only the largest coordinates of a gradient."""

from __future__ import annotations

import torch

from harness import Defense, Message


class GradientPruning(Defense):
    """Of all coordinates of a message together, the ``share`` of largest magnitude stays; the others become zero."""

    def __init__(self, share: float) -> None:
        self.share = share

    def send(self, message: Message) -> Message:
        tensors = message.tensors()
        sizes = torch.cat([x.detach().abs().flatten().float() for x in tensors.values()])
        least = sizes.kthvalue(max(1, round((1 - self.share) * len(sizes)))).values
        return message.replace(**{name: torch.where(x.abs() > least, x, 0.0) for name, x in tensors.items()})
