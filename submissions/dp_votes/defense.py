"""Gaussian noise on histograms of votes, calibrated for what the server really sees."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from statistics import NormalDist

from harness import Defense, Item, Kind, Message, PublicSide


class DPVotes(Defense):
    """All histograms of all rounds together are (``epsilon``, ``delta``) private when a record is added or removed.

    Where the server sees sums alone, every party adds its share of the noise; where it sees party by party, all of it.
    """

    def __init__(self, epsilon: float, delta: float) -> None:
        self.mu = gaussian_power(epsilon, delta)

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        settings = public.settings
        self.rounds = int(settings.get("rounds", 1))
        self.noisy = int(settings.get("clients", 1)) if settings.get("aggregation") == "sum" else 1

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.VOTE:
            return message
        bounds = [message.sensitivity[name].add_remove for name in message.payload]
        joint = sqrt(sum(bound**2 for bound in bounds))
        scale = joint * sqrt(self.rounds) / self.mu / sqrt(self.noisy)
        return message.replace(
            **{name: self.me.gaussian(votes, clip=None, scale=scale) for name, votes in message.tensors().items()}
        )


def gaussian_power(epsilon: float, delta: float) -> float:
    """The largest sensitivity over noise that is (``epsilon``, ``delta``) private (Balle and Wang 2018, theorem 8)."""
    phi = NormalDist().cdf
    low, high = 0.0, 2 * epsilon + 10.0
    for _ in range(100):
        mu = (low + high) / 2
        spent = phi(-epsilon / mu + mu / 2) - exp(epsilon) * phi(-epsilon / mu - mu / 2)
        low, high = (mu, high) if spent <= delta else (low, mu)
    return low
