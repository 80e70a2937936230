"""Clip every vector, then add Gaussian noise."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Defense, Item, Message, PublicSide


class GaussianNoise(Defense):
    """Clips at the typical norm of public texts; the noise has ``ratio`` times that norm over all coordinates."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        self.clip = public.settings["typical_norm"]["l2"]

    def send(self, message: Message) -> Message:
        noisy = {}
        for name, x in message.tensors().items():
            scale = self.ratio * self.clip / x.shape[-1] ** 0.5
            noisy[name] = self.me.gaussian(x, clip=self.clip, scale=scale)
        return message.replace(**noisy)
