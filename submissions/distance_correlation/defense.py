"""A loss term against the distance correlation of what is sent with the texts that it was made of."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from harness import Defense


class DistanceCorrelation(Defense):
    """``weight`` times the distance correlation between states at the cut and token embeddings, over a batch's rows.

    At most ``rows`` rows of a batch enter it, evenly spaced: it costs the square of their number.
    """

    def __init__(self, weight: float, rows: int = 128) -> None:
        self.weight, self.rows = weight, rows

    def objective(self, activations: Tensor, batch: Any) -> Tensor | None:
        inputs = batch[0]
        step = -(-len(inputs) // self.rows)
        return self.weight * correlation(inputs[::step], activations[::step])


def correlation(x: Tensor, z: Tensor) -> Tensor:
    """Distance correlation of paired rows ``[n, a]`` and ``[n, b]`` (Szekely, Rizzo and Bakirov, 2007, section 2)."""
    a, b = centred(x), centred(z)
    covariance, own = (a * b).mean(), (a.square().mean() * b.square().mean()).sqrt()
    return (covariance.clamp_min(0) / own.clamp_min(1e-12) + 1e-12).sqrt()


def centred(x: Tensor) -> Tensor:
    """Pairwise distances, their row, column and total means taken off."""
    squared = (x[:, None] - x[None]).square().sum(-1)
    distance = (squared + 1e-9).sqrt()
    return distance - distance.mean(0) - distance.mean(1, keepdim=True) + distance.mean()
