"""The cluster bootstrap within seeds, the variance between seeds, and the joint studentised draws of both.

Every quantity scored here is, to first order, a sum over seeds of contributions. ``parts`` (seeds, quantities)
holds the observed contributions about their sum, ``draws`` (resamples, seeds, quantities) what resampling the
clusters does to them. Quantities that are ratios of means enter as the linear combination that vanishes at the
estimate (Fieller 1954), so a resample with a small denominator does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.score.sheets import Panel, Sheet, Study
from harness.util.arrays import Floats, Ints

__all__ = ["Columns", "resample", "standard_errors", "studentise"]

_BLOCK = 4_000_000  # weights held at a time: 32 MB
_OF_COVARIANCE = 500
"""Resamples from which a covariance is estimated: to 6 % of a variance."""


@dataclass(frozen=True)
class Columns:
    """All entries of a study side by side, panel after panel, attacks before blind attacks.

    ``mean`` (entries,) is the statistic averaged over seeds, a seed counting by the records it defines; nan where
    no record is defined.
    """

    mean: Floats
    parts: Floats
    draws: Floats


def resample(study: Study, rng: np.random.Generator, resamples: int) -> Columns:
    """Statistics of all entries under one shared cluster bootstrap.

    A cluster's weight is exponential (the Bayesian bootstrap of Rubin 1981), the same for every entry in which the
    cluster occurs; within a seed each statistic is normalised by the weights it used. Where records are clustered in
    a second way as well, what that way adds to the variance is drawn beside (:func:`_crossed`).
    """
    observed = [_observed(panel) for panel in study.panels]
    point = np.concatenate([p for p, _ in observed], axis=1)
    share = np.concatenate([w for _, w in observed], axis=1)
    mean = np.where(share.sum(axis=0) > 0, np.nansum(share * point, axis=0), np.nan)
    spread = np.concatenate([_unshrink(panel) for panel in study.panels], axis=1)
    drawn = [_draw(study, weights) for weights in _weights(rng, study.n_clusters, resamples)]
    draws = spread * (np.concatenate(drawn) - point) + _crossed(study, point, rng, resamples)
    return Columns(mean, _settle(share * (point - mean), mean), _settle(share * draws, mean))


def _settle(deviations: Floats, mean: Floats) -> Floats:
    """Zero for what is undefined, and for what is the rounding of a constant: neither is variance."""
    rounding = np.abs(deviations) <= 1e-12 * np.maximum(np.abs(np.nan_to_num(mean)), 1.0)
    return np.where(rounding, 0.0, np.nan_to_num(deviations))


def _observed(panel: Panel) -> tuple[Floats, Floats]:
    """Per seed and entry, the statistic and the seed's share in the mean, both (seeds, entries)."""
    x = np.stack([x.sum(axis=0) for x, _ in panel.linear])
    d = np.stack([d.sum(axis=0) for _, d in panel.linear])
    with np.errstate(invalid="ignore"):
        return x / d, d / np.maximum(d.sum(axis=0), np.finfo(float).tiny)


def _unshrink(panel: Panel) -> Floats:
    """The factor of :func:`_factor` per seed and entry."""
    factor = np.array([_factor(len(np.unique(sheet.clusters))) for sheet in panel.sheets])
    return np.repeat(factor[:, None], len(panel.attacks) + len(panel.blinds), axis=1)


def _factor(n: int) -> float:
    """sqrt((n+1)/(n-1)): what n exponential weights lack of the standard error of a mean of n clusters."""
    return float(np.sqrt((max(n, 2) + 1) / (max(n, 2) - 1)))


def _crossed(study: Study, point: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Draws (resamples, seeds, entries) of the variance that the second way of clustering adds to the first.

    The covariance of entries whose records are clustered two ways is the sum of those of either way less that of
    single records (Cameron, Gelbach and Miller 2011, "Robust inference with multiway clustering", eq. 2.11). The
    first way is resampled; the rest, with its negative eigenvalues set to 0 as there, is drawn from a normal
    distribution, widened to Student's t at 95 % for the few targets that it is known from.
    """
    drawn, first = np.zeros((resamples, *point.shape)), 0
    for panel in study.panels:
        width = len(panel.attacks) + len(panel.blinds)
        own = slice(first, first + width)
        counts = [0 if sheet.targets is None else len(np.unique(sheet.targets)) for sheet in panel.sheets]
        widening = _widening(sum(max(count - 1, 0) for count in counts))
        for seed, sheet in enumerate(panel.sheets):
            if counts[seed] > 1:
                root = _excess_root(panel, sheet, point[seed, own], rng)
                drawn[:, seed, own] = widening * rng.standard_normal((resamples, width)) @ root
        first += width
    return drawn


def _widening(freedom: int) -> float:
    """Critical value of Student's t over that of the normal distribution, both at 95 %."""
    from scipy.special import ndtri, stdtrit

    return float(stdtrit(freedom, 0.975) / ndtri(0.975)) if freedom > 0 else 1.0


def _excess_root(panel: Panel, sheet: Sheet, point: Floats, rng: np.random.Generator) -> Floats:
    """A square root (entries, entries) of the targets' covariance less that of single records."""
    records = np.arange(len(sheet.labels))
    assert sheet.targets is not None
    excess = _covariance(panel, sheet, sheet.targets, point, rng) - _covariance(panel, sheet, records, point, rng)
    values, vectors = np.linalg.eigh(excess)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T)


def _covariance(panel: Panel, sheet: Sheet, clusters: Ints, point: Floats, rng: np.random.Generator) -> Floats:
    """Covariance (entries, entries) of one seed's statistics under a bootstrap of these clusters."""
    n = int(clusters.max()) + 1
    drawn = [
        panel.statistic.resample(sheet.values, sheet.labels, weights[clusters])
        for weights in _weights(rng, n, _OF_COVARIANCE, len(clusters))
    ]
    moved = np.nan_to_num(np.concatenate(drawn, axis=1) - point[:, None])
    return np.atleast_2d(np.cov(moved)) * _factor(n) ** 2


def _weights(rng: np.random.Generator, n_clusters: int, resamples: int, rows: int = 0) -> Iterator[Floats]:
    block = max(1, _BLOCK // max(n_clusters, rows))
    for start in range(0, resamples, block):
        yield rng.standard_exponential((n_clusters, min(block, resamples - start)))


def _draw(study: Study, weights: Floats) -> Floats:
    """(resamples, seeds, entries) statistics under these weights."""
    panels = [
        np.stack([p.statistic.resample(s.values, s.labels, weights[s.clusters]) for s in p.sheets])
        for p in study.panels
    ]
    return np.concatenate(panels, axis=1).transpose(2, 0, 1)


def standard_errors(parts: Floats, draws: Floats) -> Floats:
    """Standard error of each quantity: the bootstrap variance within seeds plus the variance between seeds.

    The spread that sampling alone causes between seeds is measured by the same bootstrap and taken off the
    observed spread; what remains, if anything, is the variance of the seed itself.
    """
    within, noise = _within(parts, draws)
    return np.sqrt(within + _between(parts, noise))


def studentise(parts: Floats, draws: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Standard errors (quantities,) and studentised draws (resamples, quantities).

    Each draw adds to the resampled clusters S fresh seed effects with the estimated covariance, then estimates
    its own standard error as the data's was (bootstrap-t, Efron and Tibshirani 1993, section 12.5). A quantity
    that varies by seed alone thereby follows Student's t with S - 1 degrees of freedom, and quantities that
    share seeds stay dependent, so that a maximum over them can be read off the draws.
    """
    within, noise = _within(parts, draws)
    between = _between(parts, noise)
    seeds = len(parts)
    totals = draws
    if seeds > 1:
        spread = _spread(parts)
        shrink = np.sqrt(np.divide(between, spread, out=np.zeros_like(spread), where=spread > 0))
        normal = rng.standard_normal((len(draws), seeds, seeds))
        totals = draws + normal @ (shrink * parts / np.sqrt(seeds - 1))
    errors = np.sqrt(within + (_between(totals, noise) if seeds > 1 else 0.0))
    moved = totals.sum(axis=1)
    ratios = np.divide(moved, errors, out=np.zeros_like(moved), where=errors > 0)
    return np.sqrt(within + between), ratios


def _within(parts: Floats, draws: Floats) -> tuple[Floats, Floats]:
    """The bootstrap variance of the sum over seeds, and how much of the spread between seeds it explains."""
    within = draws.sum(axis=1).var(axis=0, ddof=1)
    if len(parts) < 2:
        return within, np.zeros_like(within)
    centred = draws - draws.mean(axis=0)
    return within, _spread(centred).mean(axis=0)


def _spread(parts: Floats) -> Floats:
    """Variance of the sum of the contributions, as seen between them; the seeds are the axis before the last."""
    seeds = parts.shape[-2]
    around = parts - parts.mean(axis=-2, keepdims=True)
    return np.asarray(np.square(around).sum(axis=-2) * seeds / (seeds - 1))


def _between(parts: Floats, noise: Floats) -> Floats:
    return np.maximum(_spread(parts) - noise, 0.0) if parts.shape[-2] > 1 else np.zeros_like(noise)
