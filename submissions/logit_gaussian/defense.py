"""Gaussian noise on answers, scaled to how far one answer can move."""

from __future__ import annotations

from harness import Defense, Kind, Message


class LogitGaussian(Defense):
    """Rows clipped to norm ``clip``, then noise of ``multiplier`` times their sensitivity, 2 ``clip``."""

    def __init__(self, multiplier: float, clip: float = 8.0) -> None:
        self.multiplier = multiplier
        self.clip = clip

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.LOGITS:
            return message
        scale = 2 * self.clip * self.multiplier
        return message.replace(logits=self.me.gaussian(message["logits"], clip=self.clip, scale=scale))
