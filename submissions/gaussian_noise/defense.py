"""Clip every vector, then add Gaussian noise."""

from __future__ import annotations

from harness import Defense, Message


class GaussianNoise(Defense):
    """Noise of expected norm ``ratio`` times the clipping norm, spread evenly over the coordinates."""

    def __init__(self, clip: float, ratio: float) -> None:
        self.clip = clip
        self.ratio = ratio

    def send(self, message: Message) -> Message:
        noisy = {}
        for name, x in message.tensors().items():
            scale = self.ratio * self.clip / x.shape[-1] ** 0.5
            noisy[name] = self.me.gaussian(x, clip=self.clip, scale=scale)
        return message.replace(**noisy)
