"""Ridge regression in closed form, with the exact expectation over isotropic input noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Linear", "NormalEquations", "fit_ridge"]


@dataclass(frozen=True)
class Linear:
    """The map ``x -> x weight + bias``; ``weight`` is ``[d, e]``, ``bias`` ``[e]``."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Apply to ``x [..., d]``; returns ``[..., e]``."""
        return x @ self.weight + self.bias


@dataclass(frozen=True)
class NormalEquations:
    """Sums that least squares needs of examples ``x [n, d]``, ``y [n, e]``, in float64: one pass, many fits."""

    count: int
    centre: Tensor
    """Mean of ``x``, ``[d]``."""
    middle: Tensor
    """Mean of ``y``, ``[e]``."""
    inner: Tensor
    """Products of the centred ``x``, ``[d, d]``."""
    cross: Tensor
    """Products of the centred ``x`` with the centred ``y``, ``[d, e]``."""
    dtype: torch.dtype
    """Type of ``x``, and of the maps that are fitted."""

    @classmethod
    def of(cls, x: Tensor, y: Tensor) -> NormalEquations:
        """Sums over examples; :class:`ValueError` without rows, or if ``x`` and ``y`` disagree on their number."""
        if x.dim() != 2 or y.dim() != 2 or len(x) != len(y) or len(x) == 0:
            shapes = f"{list(x.shape)} and {list(y.shape)}"
            raise ValueError(f"fit_ridge needs x [n, d] and y [n, e] with n > 0, got {shapes}")
        wide, target = x.double(), y.double()
        centre, middle = wide.mean(0), target.mean(0)
        wide, target = wide - centre, target - middle
        return cls(len(x), centre, middle, wide.T @ wide, wide.T @ target, x.dtype)

    def ridge(self, penalty: float = 10.0, *, noise_variance: float | Tensor = 0.0) -> Linear:
        """Least squares with an L2 penalty on the standardised inputs: see :func:`fit_ridge`."""
        noise = torch.as_tensor(noise_variance, dtype=torch.float64, device=self.inner.device).expand(len(self.centre))
        spread = (self.inner.diagonal() / self.count + noise).sqrt()
        spread = torch.where(spread > 0, spread, torch.ones_like(spread))
        normal = self.inner / spread / spread[:, None]
        normal.diagonal().add_(penalty + self.count * noise / spread**2)
        weight = _solve(normal, self.cross / spread[:, None]) / spread[:, None]
        return Linear(weight.to(self.dtype), (self.middle - self.centre @ weight).to(self.dtype))


def fit_ridge(x: Tensor, y: Tensor, penalty: float = 10.0, *, noise_variance: float | Tensor = 0.0) -> Linear:
    """Least squares from ``x [n, d]`` to ``y [n, e]`` with an L2 penalty on the standardised inputs.

    With ``noise_variance`` (a number, or ``[d]`` per coordinate) the result minimises the *expected*
    loss when independent zero-mean noise of that variance is added to ``x``: the expectation adds
    ``n * variance`` to the diagonal of the normal matrix, so no noisy copies are needed (the equivalence
    of input noise and Tikhonov regularisation: Bishop 1995, "Training with Noise is Equivalent to
    Tikhonov Regularization"). Solved in float64; the returned map has the dtype of ``x``.

    Raises:
        ValueError: there are no rows, or ``x`` and ``y`` disagree on their number.
    """
    return NormalEquations.of(x, y).ridge(penalty, noise_variance=noise_variance)


def _solve(normal: Tensor, right: Tensor) -> Tensor:
    """Solve ``normal w = right`` for a positive semi-definite ``normal``."""
    factor, info = torch.linalg.cholesky_ex(normal)
    inverse: Tensor = torch.linalg.pinv(normal, hermitian=True) if int(info) else torch.cholesky_inverse(factor)
    return inverse @ right
