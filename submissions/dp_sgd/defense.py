"""Local training by DP-SGD, calibrated over the whole protocol."""

from __future__ import annotations

from collections.abc import Sequence

from harness import DPSGD, Defense, Item, PublicSide


class PrivateTraining(Defense):
    """The harness samples and adds the noise; opacus says how much of it ``epsilon`` needs at ``delta``."""

    def __init__(self, epsilon: float, delta: float, clip: float = 1.0) -> None:
        self.epsilon, self.delta, self.clip = epsilon, delta, clip
        self.noise = 0.0

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        from opacus.accountants.utils import get_noise_multiplier

        settings = public.settings
        size = max(1, sum(record.label is not None for record in records))
        rate = min(1.0, settings["batch_size"] / size)
        once = max(1, round(settings["epochs"] / rate))
        self.noise = get_noise_multiplier(
            target_epsilon=self.epsilon,
            target_delta=self.delta,
            sample_rate=rate,
            steps=once * (1 + settings["rounds"]),
            accountant="rdp",
        )

    def dp(self) -> DPSGD:
        return DPSGD(clip=self.clip, noise_multiplier=self.noise)
