"""Paired differences between rows of one suite entry, on the records and seeds that they share.

All rows are resampled together: one cluster bootstrap gives every row's leakage and utility the same resampled
records, so a difference sheds what its two rows have in common (their records' difficulty and the seeds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.score import clopper_pearson
from harness.score.resample import studentise
from harness.util import numpy_generator
from leaderboard.moves import Floats, Paired, Place

__all__ = ["MEASURES", "Difference", "differences", "holm"]

MEASURES = ("privacy", "utility", "pue")
_CHUNK = 128  # pairs studentised at a time


@dataclass(frozen=True)
class Difference:
    """A minus B with its 95 % interval and two-sided p-value."""

    a: Place
    b: Place
    measure: str
    value: float
    low: float
    high: float
    p: float
    n: int


def differences(found: Paired, pairs: Sequence[tuple[Place, Place]], measure: str) -> list[Difference]:
    """A - B for every pair, studentised by the bootstrap within and the variance between seeds.

    p-values and intervals are Student's t with as many degrees of freedom as the bootstrap's critical value has;
    where the records are so few that the exact interval of an outcome never seen is wider, that one counts.
    """
    known = [(a, b) for a, b in pairs if all(measure in found.rows.get(place, {}) for place in (a, b))]
    out: list[Difference] = []
    rng = numpy_generator("paired differences", measure)
    for start in range(0, len(known), _CHUNK):
        out += _chunk(found, known[start : start + _CHUNK], measure, rng)
    return out


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjusted p-values, in the order given."""
    order = np.argsort(np.asarray(p, dtype=float), kind="stable")
    scaled = np.asarray(p, dtype=float)[order] * (len(order) - np.arange(len(order)))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in adjusted]


def _chunk(
    found: Paired, pairs: Sequence[tuple[Place, Place]], measure: str, rng: np.random.Generator
) -> list[Difference]:
    a, b = ([found.rows[pair[side]][measure] for pair in pairs] for side in (0, 1))
    value = np.array([x.value - y.value for x, y in zip(a, b, strict=True)])
    parts = np.stack([x.parts - y.parts for x, y in zip(a, b, strict=True)], axis=-1)
    draws = np.stack([x.draws - y.draws for x, y in zip(a, b, strict=True)], axis=-1)
    se, ratios = studentise(parts, draws, rng)
    critical = np.maximum(np.quantile(np.abs(ratios), 0.95, axis=0), 1.96)
    unseen = np.array([clopper_pearson(0, min(x.n, y.n))[1] for x, y in zip(a, b, strict=True)])
    scale = np.array([(x.scale + y.scale) / 2 for x, y in zip(a, b, strict=True)])
    exact = unseen * (scale + np.abs(value))
    half = np.where(value == 0, critical * se, np.maximum(critical * se, exact))
    p = _p_values(value, half, critical)
    return [
        Difference(pair[0], pair[1], measure, float(v), float(v - h), float(v + h), float(q), min(x.n, y.n))
        for pair, v, h, q, x, y in zip(pairs, value, half, p, a, b, strict=True)
    ]


def _p_values(value: Floats, half: Floats, critical: Floats) -> Floats:
    """Two-sided tail of Student's t whose 95 % critical value is ``critical``, at value / (half / critical)."""
    from scipy.special import stdtr, stdtrit

    freedom = np.concatenate([np.geomspace(1.0, 1000.0, 400), [1e7]])
    reach = stdtrit(freedom, 0.975)[::-1]  # rising
    df = np.interp(critical, reach, freedom[::-1])
    t = np.divide(np.abs(value) * critical, half, out=np.zeros_like(value), where=half > 0)
    return np.asarray(np.where(value == 0, 1.0, 2.0 * stdtr(df, -t)))
