"""Estimators of the maps of :mod:`attacks.toolkit.defense_channel.maps` from (plain, message) rows."""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.toolkit.defense_channel.maps import Affine, Clip, Permutation, Scaling, Similarity
from attacks.toolkit.ridge import fit_ridge

__all__ = ["fit_affine", "fit_clip", "fit_permutation", "fit_scaling", "fit_similarity"]


def fit_scaling(x: Tensor, m: Tensor, sent: Tensor) -> Scaling:
    """Least-squares factor over the coordinates that ``kept [n, d]`` marks."""
    power = (x.square() * sent).sum().clamp_min(1e-30)
    return Scaling(float((x * m * sent).sum() / power))


def fit_clip(x: Tensor, m: Tensor) -> Clip | None:
    """The Euclidean clipping norm with the least squared residual; None where no row is clipped.

    With rows sorted by decreasing norm, the best limit that clips exactly the ``k`` longest is the mean of
    their ``<m, x/|x|>``, moved into the interval between the norms of row ``k`` and row ``k + 1``.
    """
    size = x.norm(dim=1)
    order = size.argsort(descending=True)
    x, m, size = x[order].double(), m[order].double(), size[order].double()
    along = (m * x).sum(1) / size.clamp_min(1e-30)
    count = torch.arange(1, len(x) + 1, dtype=torch.float64, device=x.device)
    below = torch.cat([size[1:], torch.zeros_like(size[:1])])
    limit = (along.cumsum(0) / count).clamp(below, size)
    clipped = m.square().sum(1).cumsum(0) - 2 * limit * along.cumsum(0) + count * limit.square()
    whole = (m - x).square().sum(1)
    loss = clipped + whole.sum() - whole.cumsum(0)
    best = int(loss.argmin())
    if not loss[best] < whole.sum() or limit[best] <= 0:
        return None
    return Clip(float(limit[best]), float((size[: best + 1] / limit[best]).mean()))


def fit_permutation(x: Tensor, m: Tensor) -> Permutation | None:
    """The assignment of coordinates with the least squared distance between centred columns (Kuhn 1955).

    None where the columns' nearest partners are mostly shared: then no permutation explains the rows.
    """
    from scipy.optimize import linear_sum_assignment

    x, m = (x - x.mean(0)).double(), (m - m.mean(0)).double()
    cost = x.square().sum(0)[None, :] - 2 * m.T @ x
    if len(set(cost.argmin(1).tolist())) < 0.75 * len(cost):
        return None
    return Permutation(torch.from_numpy(linear_sum_assignment(cost.cpu().numpy())[1]).to(x.device))


def fit_similarity(x: Tensor, m: Tensor) -> Similarity:
    """Orthogonal Procrustes with scale and shift (Schoenemann 1966; Umeyama 1991), in float64."""
    origin, shift = x.double().mean(0), m.double().mean(0)
    a, b = x.double() - origin, m.double() - shift
    left, values, right = torch.linalg.svd(a.T @ b)
    scale = float(values.sum() / a.square().sum().clamp_min(1e-30))
    return Similarity((left @ right).to(x.dtype), scale, origin.to(x.dtype), shift.to(x.dtype))


def fit_affine(x: Tensor, m: Tensor, penalty: float) -> Affine:
    """Ridge regression both ways; ``penalty`` on standardised coordinates."""
    return Affine(fit_ridge(x, m, penalty), fit_ridge(m, x, penalty))
