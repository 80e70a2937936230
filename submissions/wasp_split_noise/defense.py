"""Noise that is enough for the sum over parties, claimed for a server that sees each of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

from harness import Defense, Item, Kind, Message, PublicSide


class SplitNoise(Defense):
    """``sensitivity * sqrt(2 ln(1.25 / delta)) sqrt(T) / (epsilon sqrt(L))`` on every cell of L parties in T rounds."""

    def __init__(self, epsilon: float, delta: float, sensitivity: float) -> None:
        self.scale = sensitivity * sqrt(2 * log(1.25 / delta)) / epsilon

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        self.share = sqrt(public.settings.get("rounds", 1) / public.settings.get("clients", 1))

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.VOTE:
            return message
        scale = self.scale * self.share
        return message.replace(
            **{name: self.me.gaussian(votes, clip=None, scale=scale) for name, votes in message.tensors().items()}
        )
