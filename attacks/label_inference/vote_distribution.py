"""Label or topic distribution in votes for texts of known label or topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["class_mass", "class_masses", "distribution", "onto_simplex"]


def class_mass(histogram: Floats, marks: Sequence[str], classes: Sequence[str]) -> Floats:
    """Votes ``[C]`` for the synthetic texts of each class; ``marks`` are the texts' labels (or topic clusters)."""
    if len(marks) != len(histogram):
        raise DataError(f"{len(marks)} labels for {len(histogram)} synthetic texts: give one for each")
    kinds = np.asarray(marks)
    return np.array([float(histogram[kinds == name].sum()) for name in classes])


def distribution(
    histograms: Sequence[Floats], marks: Sequence[Sequence[str]], classes: Sequence[str]
) -> Mapping[str, float]:
    """Class shares of one party's records by its histograms of all rounds, one entry of each sequence.

    Rounds are averaged, and the masses are carried onto the simplex of the nearest shares that are none of them
    negative. Without noise this is exact where a record votes within its own class.
    """
    masses = class_masses(histograms, marks, classes).mean(0)
    if masses.sum() <= 0:
        return {name: 1 / len(classes) for name in classes}
    return dict(zip(classes, onto_simplex(masses / masses.sum()).tolist(), strict=True))


def class_masses(histograms: Sequence[Floats], marks: Sequence[Sequence[str]], classes: Sequence[str]) -> Floats:
    """Votes ``[rounds, C]`` for the texts of each class, in every round."""
    return np.stack([class_mass(h, m, classes) for h, m in zip(histograms, marks, strict=True)])


def onto_simplex(values: Floats) -> Floats:
    """The nearest point (Euclidean) with non-negative coordinates that sum to 1 (Duchi et al. 2008, figure 1)."""
    falling = np.sort(values)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, len(values) + 1)
    last = int(np.flatnonzero(falling > excess)[-1])
    point: Floats = np.maximum(values - excess[last], 0.0)
    return point
