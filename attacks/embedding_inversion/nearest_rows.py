"""Nearest rows of an embedding table, by distance or by angle."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.attack import single_flight

__all__ = ["nearest", "similarities"]


def nearest(states: Tensor, table: Tensor, metric: str = "euclidean", allowed: Tensor | None = None) -> Tensor:
    """Index of the row of ``table [V, d]``, among ``allowed [V]``, nearest to each of ``states [n, d]``."""
    rows = table if metric == "euclidean" else directions(table)
    barred = torch.zeros(len(rows), device=rows.device) if metric == "cosine" else rows.square().sum(-1) / 2
    if allowed is not None:
        barred = barred.masked_fill(~allowed, torch.inf)
    pieces = [torch.addmm(-barred, piece, rows.T).argmax(-1) for piece in torch.split(states, 256)]
    return torch.cat(pieces) if pieces else torch.zeros(0, dtype=torch.long, device=states.device)


@single_flight(maxsize=2)
def directions(table: Tensor) -> Tensor:
    """``table [V, d]`` with rows of length 1; a table must not be changed after it was asked for."""
    return torch.nn.functional.normalize(table, dim=-1)


def similarities(states: Tensor, table: Tensor, metric: str) -> Tensor:
    """``[..., V]``: minus half the squared distance up to a constant per message, or the cosine times its norm."""
    if metric == "cosine":
        return states @ directions(table).T
    return states @ table.T - table.square().sum(-1) / 2
