"""Label and topic distribution of a party, from the votes it cast for texts of known label or topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import DataError
from harness.score.statistic import Floats

__all__ = ["class_mass", "distribution", "onto_simplex"]


def class_mass(histogram: Floats, marks: Sequence[str], classes: Sequence[str]) -> Floats:
    """Votes ``[C]`` for the synthetic texts of each class; ``marks`` are the texts' labels (or topic clusters)."""
    if len(marks) != len(histogram):
        raise DataError(f"{len(marks)} labels for {len(histogram)} synthetic texts: give one for each")
    kinds = np.asarray(marks)
    return np.array([float(histogram[kinds == name].sum()) for name in classes])


def distribution(
    histograms: Sequence[Floats], marks: Sequence[Sequence[str]], classes: Sequence[str], *, sigma: float = 0.0
) -> Mapping[str, float]:
    """Class shares of one party's records by its histograms of all rounds, one entry of each sequence.

    Noise sums to zero in expectation, with variance ``sigma^2`` for every cell: rounds are averaged, and the masses
    are carried onto the simplex of the nearest shares that are none of them negative. Without noise this is exact
    where a record votes within its own class. Rounds with fewer cells in a class are noisier there by less.
    """
    masses = np.stack([class_mass(h, m, classes) for h, m in zip(histograms, marks, strict=True)]).mean(0)
    total = masses.sum()
    if sigma > 0:
        # A total that noise alone explains says nothing: then shares are taken relative to that noise.
        cells = np.mean([len(h) for h in histograms])
        total = max(total, sigma * np.sqrt(cells / len(histograms)))
    if total <= 0:
        return {name: 1 / len(classes) for name in classes}
    return dict(zip(classes, onto_simplex(masses / total).tolist(), strict=True))


def onto_simplex(values: Floats) -> Floats:
    """The nearest point (Euclidean) with non-negative coordinates that sum to 1 (Duchi et al. 2008, figure 1)."""
    falling = np.sort(values)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, len(values) + 1)
    last = int(np.flatnonzero(falling > excess)[-1])
    point: Floats = np.maximum(values - excess[last], 0.0)
    return point
