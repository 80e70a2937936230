"""Clip the whole gradient, then add Gaussian noise."""

from __future__ import annotations

from harness import Defense, Message


class GradientGaussian(Defense):
    """Scales a message to norm at most ``clip`` over all its tensors and adds noise of ``scale * clip``."""

    def __init__(self, scale: float, clip: float = 1.0) -> None:
        self.scale = scale
        self.clip = clip

    def send(self, message: Message) -> Message:
        tensors = message.tensors()
        norm = sum(float(x.double().square().sum()) for x in tensors.values()) ** 0.5
        factor = min(1.0, self.clip / max(norm, 1e-30))
        noise = self.scale * self.clip
        return message.replace(
            **{name: self.me.gaussian(factor * x, clip=None, scale=noise) for name, x in tensors.items()}
        )
