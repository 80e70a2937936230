"""Deterministic part of a channel: maps of undefended states, and their inverses.

Every map has ``expect(x [..., d]) -> [..., e]`` (differentiable, so that attacks can optimise through it)
and ``invert(m [..., e]) -> [..., d]`` (the best plain estimate of a noiseless message).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from attacks.toolkit.ridge import Linear

__all__ = ["Affine", "Clip", "Identity", "Map", "Permutation", "Rounding", "Scaling", "Similarity", "Then"]


class Map(Protocol):
    """Effect of a defense on one state, apart from noise."""

    name: ClassVar[str]

    def expect(self, x: Tensor) -> Tensor:
        """The message mean of the plain states ``x [..., d]``."""

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose message mean is ``m [..., e]``, as well as they can be known."""


@dataclass(frozen=True)
class Identity:
    """The message is the state."""

    name: ClassVar[str] = "identity"

    def expect(self, x: Tensor) -> Tensor:
        """Mean message of the plain states ``x [..., d]``."""
        return x

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose mean message is ``m [..., e]``."""
        return m


@dataclass(frozen=True)
class Scaling:
    """Every coordinate times one constant."""

    factor: float
    name: ClassVar[str] = "scaling"

    def expect(self, x: Tensor) -> Tensor:
        """Mean message of the plain states ``x [..., d]``."""
        return x * self.factor

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose mean message is ``m [..., e]``."""
        return m / self.factor


@dataclass(frozen=True)
class Clip:
    """Vectors longer than ``limit`` (in the L``order`` norm) are shortened to it."""

    limit: float
    restore: float = 1.0
    """Mean factor by which the clipped vectors were longer; undoing multiplies by it."""
    order: int = 2
    name: ClassVar[str] = "clip"

    def expect(self, x: Tensor) -> Tensor:
        """Mean message of the plain states ``x [..., d]``."""
        size: Tensor = torch.linalg.vector_norm(x, self.order, dim=-1, keepdim=True)
        return x * (self.limit / size.clamp_min(1e-30)).clamp_max(1.0)

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose mean message is ``m [..., e]``."""
        size = torch.linalg.vector_norm(m, self.order, dim=-1, keepdim=True)
        return torch.where(size >= 0.999 * self.limit, m * self.restore, m)


@dataclass(frozen=True)
class Permutation:
    """Coordinate ``j`` of the message is coordinate ``order[j]`` of the state."""

    order: Tensor
    name: ClassVar[str] = "permutation"

    def expect(self, x: Tensor) -> Tensor:
        """Mean message of the plain states ``x [..., d]``."""
        return x[..., self.order]

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose mean message is ``m [..., e]``."""
        return m[..., torch.argsort(self.order)]


@dataclass(frozen=True)
class Similarity:
    """A rotation or reflection, one scale and a shift: ``m = scale (x - origin) rotation + shift``."""

    rotation: Tensor
    scale: float
    origin: Tensor
    shift: Tensor
    name: ClassVar[str] = "rotation"

    def expect(self, x: Tensor) -> Tensor:
        """Mean message of the plain states ``x [..., d]``."""
        return self.scale * ((x - self.origin) @ self.rotation) + self.shift

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose mean message is ``m [..., e]``."""
        return ((m - self.shift) / self.scale) @ self.rotation.T + self.origin


@dataclass(frozen=True)
class Affine:
    """Any linear map with a shift, fitted in both directions; the widths may differ."""

    forth: Linear
    back: Linear
    name: ClassVar[str] = "affine"

    def expect(self, x: Tensor) -> Tensor:
        """Mean message of the plain states ``x [..., d]``."""
        return self.forth(x)

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose mean message is ``m [..., e]``."""
        return self.back(m)


@dataclass(frozen=True)
class Rounding:
    """Symmetric rounding of each vector to ``2 levels + 1`` values, its largest one at ``levels``.

    The gradient passes straight through the rounding (Bengio, Leonard and Courville 2013).
    """

    levels: int = 127
    name: ClassVar[str] = "rounding"

    def expect(self, x: Tensor) -> Tensor:
        """Mean message of the plain states ``x [..., d]``."""
        step = x.abs().amax(-1, keepdim=True).clamp_min(1e-30) / self.levels
        return x + ((x / step).round() * step - x).detach()

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose mean message is ``m [..., e]``."""
        return m


@dataclass(frozen=True)
class Then:
    """``second`` after ``first``."""

    first: Map
    second: Map
    name: ClassVar[str] = "composition"

    def expect(self, x: Tensor) -> Tensor:
        """Mean message of the plain states ``x [..., d]``."""
        return self.second.expect(self.first.expect(x))

    def invert(self, m: Tensor) -> Tensor:
        """Plain states whose mean message is ``m [..., e]``."""
        return self.first.invert(self.second.invert(m))
