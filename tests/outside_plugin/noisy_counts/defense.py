"""Laplace noise on every count."""

from __future__ import annotations

from harness import Defense, Kind, Message


class NoisyCounts(Defense):
    """Noise of Laplace scale ``scale``."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.PARAMETERS:
            return message
        return message.replace(counts=self.me.laplace(message["counts"], clip=None, scale=self.scale))
