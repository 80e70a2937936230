"""Clip every vector in the L1 norm, then add Laplace noise."""

from __future__ import annotations

from harness import Defense, Message


class LaplaceNoise(Defense):
    """Noise whose expected Euclidean norm is ``ratio`` times the clipping norm over the square root of the width.

    A vector of L1 norm ``clip`` with all coordinates alike has Euclidean norm ``clip / sqrt(width)``, so ``ratio``
    compares with that of Gaussian noise.
    """

    def __init__(self, clip: float, ratio: float) -> None:
        self.clip = clip
        self.ratio = ratio

    def send(self, message: Message) -> Message:
        noisy = {}
        for name, x in message.tensors().items():
            scale = self.ratio * self.clip / x.shape[-1] / 2**0.5
            noisy[name] = self.me.laplace(x, clip=self.clip, scale=scale)
        return message.replace(**noisy)
