"""Local training by DP-SGD, calibrated over the whole protocol."""

from __future__ import annotations

from collections.abc import Sequence

from harness import DPSGD, Defense, Item, PublicSide

ORDERS = (*(2 + step / 4 for step in range(16)), *range(6, 64), 128, 256, 512)
"""Every order is sound; fractional ones are slow, and those below 2 often do not converge."""


class PrivateTraining(Defense):
    """The harness samples and adds the noise; a Renyi accountant says how much of it ``epsilon`` needs at ``delta``."""

    def __init__(self, epsilon: float, delta: float, clip: float = 1.0) -> None:
        self.epsilon, self.delta, self.clip = epsilon, delta, clip
        self.noise = 0.0

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        settings = public.settings
        size = max(1, sum(record.label is not None for record in records))
        rate = min(1.0, settings["batch_size"] / size)
        once = max(1, round(settings["epochs"] / rate))
        self.noise = calibrated(rate, once * settings["trainings"], self.epsilon, self.delta)

    def dp(self) -> DPSGD:
        return DPSGD(clip=self.clip, noise_multiplier=self.noise)


def calibrated(rate: float, steps: int, epsilon: float, delta: float) -> float:
    """The noise multiplier of ``steps`` Poisson-sampled Gaussian steps that are (``epsilon``, ``delta``) private.

    At most a thousandth more than the least that the Renyi orders :data:`ORDERS` can prove.
    """
    from dp_accounting import calibrate_dp_mechanism, dp_event
    from dp_accounting.rdp import RdpAccountant

    def event(noise: float) -> dp_event.DpEvent:
        step = dp_event.PoissonSampledDpEvent(rate, dp_event.GaussianDpEvent(noise))
        return dp_event.SelfComposedDpEvent(step, steps)

    found: float = calibrate_dp_mechanism(lambda: RdpAccountant(ORDERS), event, epsilon, delta, tol=1e-3)
    return found
