"""Clip every vector in the L1 norm, then add Laplace noise."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Defense, Item, Message, PublicSide


class LaplaceNoise(Defense):
    """Clips at ``clip`` times the typical L1 norm; the noise has ``ratio`` times the typical Euclidean norm."""

    def __init__(self, clip: float, ratio: float) -> None:
        self.clip = clip
        self.ratio = ratio

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        self.norms = public.settings["typical_norm"]

    def send(self, message: Message) -> Message:
        noisy = {}
        for name, x in message.tensors().items():
            scale = self.ratio * self.norms["l2"] / (2 * x.shape[-1]) ** 0.5
            noisy[name] = self.me.laplace(x, clip=self.clip * self.norms["l1"], scale=scale)
        return message.replace(**noisy)
