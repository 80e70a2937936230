"""Whole texts from the query gradient of one token: attention ties every token to those of its own text.

The gradient of a token's query in a head combines the keys of its own text: sum over s of dS_s k_s / sqrt(w), and
the dS_s of a softmax sum to zero. So the keys that are needed to explain it, at most one at each position, are the
text (orthogonal matching pursuit over groups of heads; Tropp, Gilbert and Strauss 2006, "Algorithms for simultaneous
sparse approximation, part I", algorithm 3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["pursue"]

NEARLY = 2e-2
"""Share of a gradient that may be left where a text is complete: what is left is of other copies of its tokens."""


def pursue(
    target: Tensor,
    keys: Tensor,
    positions: Sequence[int],
    most: int,
    complete: Callable[[list[int]], bool],
    tolerance: float = 1e-5,
) -> tuple[list[int], float]:
    """The atoms that explain ``target`` [H, w]: at most one of each position, at most ``most``; and the share left.

    ``keys`` [H, N, w]: an atom for each candidate pair. It ends where less than ``tolerance`` is left, or where the
    atoms are a ``complete`` text and little is left.
    """
    heads, number, _ = keys.shape
    scale = keys.norm(dim=2).mean()
    atoms = torch.cat([keys, scale * keys.new_ones(heads, number, 1)], 2)  # coefficients of a softmax row sum to zero
    wanted = torch.cat([target, target.new_zeros(heads, 1)], 1)
    whole = float(target.norm())
    places = torch.tensor(list(positions))
    chosen: list[int] = []
    left, free = wanted.clone(), atoms.clone()
    open_ = torch.ones(number, dtype=torch.bool)
    while len(chosen) < most and bool(open_.any()):
        norms = free.norm(dim=2).clamp_min(1e-9)
        gain = ((free * left[:, None]).sum(2) / norms).square().sum(0)
        best = int(torch.where(open_, gain, gain.new_tensor(-1.0)).argmax())
        if float(gain[best]) <= 0:
            break
        chosen.append(best)
        open_ &= places != places[best]
        basis, _ = torch.linalg.qr(atoms[:, chosen].transpose(1, 2))
        left = wanted - ((wanted[:, None] @ basis) @ basis.transpose(1, 2))[:, 0]
        newest = basis[:, :, -1]
        free = free - (free @ newest[:, :, None]) * newest[:, None]
        share = float(left.norm()) / max(whole, 1e-30)
        if share < tolerance or (share < NEARLY and complete(chosen)):
            break
    return chosen, float(left.norm()) / max(whole, 1e-30)
