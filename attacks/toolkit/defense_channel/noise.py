"""Random part of a channel: independent noise on every coordinate, declared or fitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.attack import NoiseLaw

__all__ = ["Noise", "declared_noise", "fit_noise"]


@dataclass(frozen=True)
class Noise:
    """``gaussian`` with standard deviations ``scale [e]``, or ``laplace`` with scales ``scale [e]``."""

    kind: str
    scale: Tensor

    @property
    def variance(self) -> Tensor:
        """Variance of every coordinate, ``[e]``."""
        return self.scale.square() * (2.0 if self.kind == "laplace" else 1.0)

    def log_density(self, residual: Tensor, sent: Tensor | None = None) -> Tensor:
        """Log density of ``residual [..., e]``, summed over the coordinates that ``kept`` marks (all by default)."""
        ratio = residual / self.scale
        if self.kind == "laplace":
            each = -ratio.abs() - (2 * self.scale).log()
        else:
            each = -0.5 * ratio.square() - self.scale.log() - 0.5 * math.log(2 * math.pi)
        return each.sum(-1) if sent is None else (each * sent).sum(-1)

    def sample(self, like: Tensor, rng: torch.Generator) -> Tensor:
        """One draw of the shape of ``like [..., e]``."""
        if self.kind == "gaussian":
            return torch.randn(like.shape, generator=rng, device=like.device) * self.scale
        uniform = torch.rand(like.shape, generator=rng, device=like.device).clamp(1e-7, 1 - 1e-7) - 0.5
        return -self.scale * uniform.sign() * (1 - 2 * uniform.abs()).log()


def declared_noise(laws: Sequence[NoiseLaw], width: int) -> Noise | None:
    """The noise of the declared laws in sum: exact for one law or for Gaussians alone, else Gaussian by variance."""
    noisy = [law for law in laws if law.scale > 0]
    if not noisy:
        return None
    if len(noisy) == 1:
        return Noise(noisy[0].name, torch.full((width,), noisy[0].scale))
    variance = sum(law.scale**2 * (2 if law.name == "laplace" else 1) for law in noisy)
    return Noise("gaussian", torch.full((width,), math.sqrt(variance)))


def fit_noise(residual: Tensor, sent: Tensor, floor: Tensor) -> Noise:
    """Noise law of ``residual [n, e]`` by maximum likelihood, over the entries that ``kept [n, e]`` marks.

    Scales are pooled over coordinates where their spread is no wider than chance allows, else drawn towards
    the pooled one with the weight of one row. ``floor [e]`` bounds them from below.
    """
    count = sent.sum(0).clamp_min(1.0)
    options = []
    for kind, size in (("gaussian", residual.square()), ("laplace", residual.abs())):
        pooled = (size * sent).sum() / sent.sum().clamp_min(1.0)
        each = _shrink((size * sent).sum(0) / count, pooled, count, 2.0 if kind == "gaussian" else 1.0)
        noise = Noise(kind, torch.maximum(each.sqrt() if kind == "gaussian" else each, floor))
        options.append((float(noise.log_density(residual, sent).sum()), noise))
    gaussian, laplace = options
    if bool((gaussian[1].scale <= floor).all()):
        return gaussian[1]
    return laplace[1] if laplace[0] > gaussian[0] + 10.0 else gaussian[1]


def _shrink(each: Tensor, pooled: Tensor, count: Tensor, kurtosis: float) -> Tensor:
    """Coordinate-wise scales, or the pooled one where they differ by chance only."""
    chance = kurtosis / float(count.mean())  # relative variance of a mean of squares (or of absolutes)
    if float((each / pooled.clamp_min(1e-30)).var()) < 2.0 * chance:
        return pooled.expand_as(each).clone()
    return (each * count + pooled) / (count + 1.0)
