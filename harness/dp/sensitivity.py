"""Sensitivity, the most that one private record can change in a message: declared by scenarios, used in accounting.

A scenario names the sensitivity of each field it sends: ``me.send(Kind.VOTE, votes=v, sensitivity={"votes": 1.0})``.
The harness trusts it as it trusts the scenario; what a submission says about itself is not trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import torch
from torch import Tensor

__all__ = ["MODEL", "Bound", "Ratios", "as_bound", "ratios"]

MODEL = "model"
"""In place of a bound: the field follows from the own trained model (and public data) alone."""


@dataclass(frozen=True)
class Bound:
    """Largest change of a field when one record is added or removed: a Euclidean norm over the whole tensor, or one
    per row [R] where a record touches a single row.

    ``replace`` is the same for replacing one record by another (None: twice as much), ``l1`` the change under
    addition or removal in L1 norm (None: from the Euclidean one and the dimension).
    """

    add_remove: float | Tensor
    replace: float | Tensor | None = None
    l1: float | Tensor | None = None


@dataclass(frozen=True)
class Ratios:
    """Sensitivity over noise scale of one release; None: no bound is known."""

    add_remove: float | None
    replace: float | None
    vector: float | None
    """Of each vector alone, from its clipping: whatever the record, it moves by at most twice the clip."""


def as_bound(declared: Any) -> Bound | None:
    """A :class:`Bound` from what a scenario declared; None for :data:`MODEL` or nothing."""
    if declared is None or isinstance(declared, str):
        return None
    return declared if isinstance(declared, Bound) else Bound(declared)


def ratios(x: Tensor, scale: float | Tensor, clip: float | None, bound: Bound | None, order: int) -> Ratios:
    """Ratios of releasing ``x`` [..., d] with noise of ``scale`` (a number, or one per row [..., 1]) after clipping
    every vector to ``order``-norm ``clip``: Euclidean sensitivity for Gaussian noise (order 2), L1 for Laplace.
    """
    rows = _rows(scale, x)
    if not bool((rows > 0).all()):
        return Ratios(None, None, None)
    reach = None if clip is None else 2.0 * clip
    vector = None if reach is None else reach / float(rows.min())
    if bound is None:
        return Ratios(None, None, vector)
    add = _norm(bound.add_remove, bound.l1, x, order)
    replaced = 2.0 * add if bound.replace is None else _norm(bound.replace, None, x, order)
    within, across = _worst(replaced, rows, reach), _two_rows(add, rows, reach, order)
    replace = within if within is None or across is None else max(within, across)
    return Ratios(_worst(add, rows, reach), replace, vector)


def _two_rows(bound: Tensor, rows: Tensor, reach: float | None, order: int) -> float | None:
    """The ratio of a replacement that changes the record's class, where a record touches one row: it leaves one row and
    enters another, so that the two largest ratios add up, as squares under Gaussian noise. None where a record touches
    the whole tensor or there is one row only."""
    if not bound.dim() or bound.numel() < 2:
        return None
    capped = bound.flatten() if reach is None else bound.flatten().clamp_max(reach)
    value = float(torch.linalg.vector_norm((capped / rows).topk(2).values, ord=order))
    return value if isfinite(value) else None


def _rows(scale: float | Tensor, x: Tensor) -> Tensor:
    """One scale per row, [R]."""
    wide = torch.as_tensor(scale, dtype=torch.float64).expand(x.shape)
    return wide.reshape(-1, x.shape[-1]).amin(1)


def _norm(bound: float | Tensor, l1: float | Tensor | None, x: Tensor, order: int) -> Tensor:
    if order == 1:
        per_row = isinstance(bound, Tensor) and bound.dim() > 0
        width = x.shape[-1] if per_row else x.numel()
        bound = bound * sqrt(width) if l1 is None else l1
    return torch.as_tensor(bound, dtype=torch.float64)


def _worst(bound: Tensor, rows: Tensor, reach: float | None) -> float | None:
    """The largest ratio: over rows where a record touches one, over the whole tensor otherwise."""
    if bound.dim() and bound.numel():
        capped = bound.flatten() if reach is None else bound.flatten().clamp_max(reach)
        value = float((capped / rows).max())
    else:
        value = float(bound) / float(rows.min())
    return value if isfinite(value) else None
