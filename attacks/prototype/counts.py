"""How many records are behind a prototype, where no counts are sent.

Three rules: how much the prototype moves between rounds, how far it lies from the class mean, and the likelihood of
that distance in every direction. All of them turn a squared deviation of ``tr(Sigma) / n`` into n, beyond noise whose
variance may depend on that n itself.
"""

from __future__ import annotations

import numpy as np

from attacks.prototype.moments import Moments, principal
from harness.attack import DataError, Floats

__all__ = ["excess_distance_rule", "likelihood_rule", "proportions", "variance_rule"]

MOST = 1_000_000.0
"""Estimate where the deviation is no larger than the defense's noise explains: many."""


def variance_rule(rounds: Floats, trace: float, noise: float = 0.0, per_record: float = 0.0) -> float:
    """Records behind a prototype sent repeatedly, ``rounds [R, d]``: ``Var = tr(Sigma) / n + d (noise + per_record /
    n^2)``, solved for n.

    ``trace`` is the total variance of *one record's* share between rounds (dropout, random batches, a moving model),
    as measured on the attacker's own records; ``noise`` the variance that a defense adds to each coordinate, and
    ``per_record`` what it adds to that of a single record's prototype in proportion to its sensitivity.

    Raises:
        DataError: fewer than two rounds.
    """
    if len(rounds) < 2:
        raise DataError(f"the variance rule compares rounds and got {len(rounds)}: use another rule")
    d = rounds.shape[1]
    return _count(trace, float(rounds.var(0, ddof=1).sum()) - d * noise, d * per_record)


def excess_distance_rule(prototype: Floats, model: Moments, noise: float = 0.0, per_record: float = 0.0) -> float:
    """Records behind ``prototype [d]`` by its distance to the class mean, ``E|p - mu|^2 = tr(Sigma) / n + d (noise +
    per_record / n^2)``, solved for n. Noise in proportion to what one of n records can move has the second part."""
    d = len(prototype)
    return _count(model.trace, float(((prototype - model.mean) ** 2).sum()) - d * noise, d * per_record)


def likelihood_rule(
    prototype: Floats, model: Moments, noise: float = 0.0, per_record: float = 0.0, *, most: int = 2000
) -> float:
    """The n from 1 to ``most`` for which ``prototype ~ N(mu, Sigma / n + (noise + per_record / n^2) I)`` is likeliest.

    Uses every direction of the covariance, where the distance rule is ruled by the few widest ones.
    """
    spread, axes = principal(model.covariance)
    squared = ((prototype - model.mean) @ axes) ** 2
    counts = np.unique(np.round(np.geomspace(1, most, 400)))[:, None]
    variance = np.maximum(spread, 1e-12 * spread[-1]) / counts + noise + per_record / counts**2
    fit = -0.5 * (np.log(variance) + squared / variance).sum(1)
    return float(counts[np.argmax(fit), 0])


def proportions(counts: Floats) -> Floats:
    """Class proportions of estimated ``counts [C]``; uniform where nothing was found."""
    total = counts.sum()
    return counts / total if total > 0 else np.full(len(counts), 1 / max(len(counts), 1))


def _count(trace: float, deviation: float, square: float = 0.0) -> float:
    """n for which ``trace / n + square / n^2`` is ``deviation``: the positive root, in the form that ``square`` 0 has,
    too."""
    if deviation <= 0:
        return MOST
    return float(np.clip((trace + (trace**2 + 4 * square * deviation) ** 0.5) / (2 * deviation), 1.0, MOST))
