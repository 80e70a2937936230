"""Clip every row of a gradient, then add Gaussian noise."""

from __future__ import annotations

from harness import Defense, Kind, Message


class GradientGaussian(Defense):
    """Rows of norm at most ``clip``, with noise of norm about ``ratio`` times that; states stay as they are."""

    def __init__(self, clip: float, ratio: float) -> None:
        self.clip, self.ratio = clip, ratio

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.GRADIENT:
            return message
        rows = message.tensors()
        scale = {name: self.ratio * self.clip / x.shape[-1] ** 0.5 for name, x in rows.items()}
        return message.replace(
            **{name: self.me.gaussian(x, clip=self.clip, scale=scale[name]) for name, x in rows.items()}
        )
