"""Gradients with per-record clipping and noise, calibrated to the times that a record is used."""

from __future__ import annotations

from collections.abc import Sequence

from harness import DPSGD, Defense, Item, PublicSide


class PrivateGradients(Defense):
    """The harness clips and adds the noise; a record's own gradients compose, those of other records do not count."""

    def __init__(self, epsilon: float, delta: float, clip: float = 1.0) -> None:
        self.epsilon, self.delta, self.clip = epsilon, delta, clip
        self.noise = 0.0

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        settings = public.settings
        size = max(1, sum(record.label is not None for record in records))
        uses = -(-settings["rounds"] * settings["batch_size"] // size)
        self.noise = calibrated(max(1, uses), self.epsilon, self.delta)

    def dp(self) -> DPSGD:
        return DPSGD(clip=self.clip, noise_multiplier=self.noise)


def calibrated(uses: int, epsilon: float, delta: float) -> float:
    """The noise multiplier of ``uses`` Gaussian releases that are (``epsilon``, ``delta``) private together."""
    from dp_accounting import calibrate_dp_mechanism, dp_event
    from dp_accounting.rdp import RdpAccountant

    orders = (*(1 + step / 10 for step in range(1, 100)), *range(11, 64), 128, 256)

    def event(noise: float) -> dp_event.DpEvent:
        return dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(noise), uses)

    found: float = calibrate_dp_mechanism(lambda: RdpAccountant(orders), event, epsilon, delta, tol=1e-3)
    return found
