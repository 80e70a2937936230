"""How many records are behind a prototype, where no counts are sent.

Three rules: how much the prototype moves between rounds, how far it lies from the class mean, and the likelihood of
that distance in every direction. All of them turn a squared deviation of ``tr(Sigma) / n`` into n.
"""

from __future__ import annotations

import numpy as np

from attacks.prototype.moments import Moments, principal
from harness.errors import DataError
from harness.score.statistic import Floats

__all__ = ["excess_distance_rule", "likelihood_rule", "proportions", "variance_rule"]

MOST = 1_000_000.0
"""Estimate where the deviation is no larger than the defense's noise explains: many."""


def variance_rule(rounds: Floats, trace: float, noise: float = 0.0) -> float:
    """Records behind a prototype sent repeatedly, ``rounds [R, d]``: ``tr(Sigma) / (Var - d noise)``.

    ``trace`` is the total variance of *one record's* share between rounds (dropout, random batches, a moving model),
    as measured on the attacker's own records; ``noise`` the variance that a defense adds to each coordinate.

    Raises:
        DataError: fewer than two rounds.
    """
    if len(rounds) < 2:
        raise DataError(f"the variance rule compares rounds and got {len(rounds)}: use another rule")
    return _count(trace, float(rounds.var(0, ddof=1).sum()) - rounds.shape[1] * noise)


def excess_distance_rule(prototype: Floats, model: Moments, noise: float = 0.0) -> float:
    """Records behind ``prototype [d]`` by its distance to the class mean: ``E|p - mu|^2 = tr(Sigma) / n + d noise``."""
    return _count(model.trace, float(((prototype - model.mean) ** 2).sum()) - len(prototype) * noise)


def likelihood_rule(prototype: Floats, model: Moments, noise: float = 0.0, *, most: int = 2000) -> float:
    """The n from 1 to ``most`` that makes ``prototype ~ N(mu, Sigma / n + noise I)`` likeliest.

    Uses every direction of the covariance, where the distance rule is ruled by the few widest ones.
    """
    spread, axes = principal(model.covariance)
    squared = ((prototype - model.mean) @ axes) ** 2
    counts = np.unique(np.round(np.geomspace(1, most, 400)))
    variance = np.maximum(spread, 1e-12 * spread[-1]) / counts[:, None] + noise
    fit = -0.5 * (np.log(variance) + squared / variance).sum(1)
    return float(counts[np.argmax(fit)])


def proportions(counts: Floats) -> Floats:
    """Class proportions of estimated ``counts [C]``; uniform where nothing was found."""
    total = counts.sum()
    return counts / total if total > 0 else np.full(len(counts), 1 / max(len(counts), 1))


def _count(trace: float, deviation: float) -> float:
    return float(np.clip(trace / deviation, 1.0, MOST)) if deviation > 0 else MOST
