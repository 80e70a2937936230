"""Clip every vector, then add Gaussian noise."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Defense, Item, Message, PublicSide


class GaussianNoise(Defense):
    """Clips at ``clip`` times, and adds noise of ``ratio`` times, the typical norm of public texts."""

    def __init__(self, clip: float, ratio: float) -> None:
        self.clip = clip
        self.ratio = ratio

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        self.norm = public.settings["typical_norm"]["l2"]

    def send(self, message: Message) -> Message:
        noisy = {}
        for name, x in message.tensors().items():
            scale = self.ratio * self.norm / x.shape[-1] ** 0.5
            noisy[name] = self.me.gaussian(x, clip=self.clip * self.norm, scale=scale)
        return message.replace(**noisy)
