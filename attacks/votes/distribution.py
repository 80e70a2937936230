"""Label and topic distribution of a party, from the votes it cast for texts of known label or topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["Prior", "class_mass", "distribution", "onto_simplex", "posterior_shares"]

DRAWS = 4000
FACTORS = (0.0, 0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0)
"""How a party's total votes may compare with the usual total."""


@dataclass(frozen=True)
class Prior:
    """What is known of a party before it votes."""

    concentration: Floats
    """Of the Dirichlet law of its shares ``[C]``."""
    total: float
    """Votes that a party usually casts in a round."""


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
    masses = _masses(histograms, marks, classes).mean(0)
    if masses.sum() <= 0:
        return {name: 1 / len(classes) for name in classes}
    return dict(zip(classes, onto_simplex(masses / masses.sum()).tolist(), strict=True))


def posterior_shares(
    histograms: Sequence[Floats],
    marks: Sequence[Sequence[str]],
    classes: Sequence[str],
    *,
    sigma: float,
    prior: Prior,
    rng: np.random.Generator,
) -> Mapping[str, float]:
    """The same under noise of standard deviation ``sigma`` in every cell: the mean of shares given what was seen.

    Shares are drawn from the prior and weighed by the likelihood of the masses, which are Gaussian around the party's
    total votes times its shares; a class has variance ``sigma^2`` for each of its cells. The total is unknown: it is
    ``prior.total`` times a factor from a fixed list, of which zero stands for votes that say nothing.
    """
    masses = _masses(histograms, marks, classes).mean(0)
    cells = np.mean([[list(m).count(name) for name in classes] for m in marks], axis=0)
    variance = sigma**2 * np.maximum(cells, 1) / len(histograms)
    shares = rng.dirichlet(np.maximum(prior.concentration, 1e-3), DRAWS)
    fitted = prior.total * np.array(FACTORS)[:, None, None] * shares
    log = -0.5 * ((masses - fitted) ** 2 / variance).sum(-1)
    weights = np.exp(log - log.max()).sum(0)
    return dict(zip(classes, (weights @ shares / weights.sum()).tolist(), strict=True))


def _masses(histograms: Sequence[Floats], marks: Sequence[Sequence[str]], classes: Sequence[str]) -> Floats:
    return np.stack([class_mass(h, m, classes) for h, m in zip(histograms, marks, strict=True)])


def onto_simplex(values: Floats) -> Floats:
    """The nearest point (Euclidean) with non-negative coordinates that sum to 1 (Duchi et al. 2008, figure 1)."""
    falling = np.sort(values)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, len(values) + 1)
    last = int(np.flatnonzero(falling > excess)[-1])
    point: Floats = np.maximum(values - excess[last], 0.0)
    return point
