"""Ridge regression in closed form, with the exact expectation over isotropic input noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Linear", "fit_ridge"]


@dataclass(frozen=True)
class Linear:
    """The map ``x -> x weight + bias``; ``weight`` is ``[d, e]``, ``bias`` ``[e]``."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Apply to ``x [..., d]``; returns ``[..., e]``."""
        return x @ self.weight + self.bias


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
    if x.dim() != 2 or y.dim() != 2 or len(x) != len(y) or len(x) == 0:
        raise ValueError(f"fit_ridge needs x [n, d] and y [n, e] with n > 0, got {list(x.shape)} and {list(y.shape)}")
    wide, target = x.double(), y.double()
    centre, middle = wide.mean(0), target.mean(0)
    noise = torch.as_tensor(noise_variance, dtype=torch.float64, device=x.device).expand(x.shape[1])
    spread = (wide.var(0, correction=0) + noise).sqrt()
    spread = torch.where(spread > 0, spread, torch.ones_like(spread))
    scaled = (wide - centre) / spread
    normal = scaled.T @ scaled
    normal.diagonal().add_(penalty + len(x) * noise / spread**2)
    weight = _solve(normal, scaled.T @ (target - middle)) / spread[:, None]
    return Linear(weight.to(x.dtype), (middle - centre @ weight).to(x.dtype))


def _solve(normal: Tensor, right: Tensor) -> Tensor:
    """Solve ``normal w = right`` for a positive semi-definite ``normal``."""
    factor, info = torch.linalg.cholesky_ex(normal)
    inverse: Tensor = torch.linalg.pinv(normal, hermitian=True) if int(info) else torch.cholesky_inverse(factor)
    return inverse @ right
