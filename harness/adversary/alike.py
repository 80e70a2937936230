"""Are runs of all kinds treated alike? How far a defense moves messages, compared between the live run and all others.

Nothing that a submission declares switches this off. What is compared is the distance of every message from what it was
before the defense, each in its own run, so that models may differ (private training) and deployments may hold another
secret state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log10, sqrt
from typing import TYPE_CHECKING

import numpy as np

from harness.wire.departures import Departure

if TYPE_CHECKING:
    from harness.util.arrays import Floats

__all__ = ["FEWEST", "LEVEL", "Comparison", "among_others", "least", "same_inputs", "same_law", "same_sessions"]

LEVEL = 1e-4
"""Level of all comparisons of a run together."""
FLOOR, CEILING = 1e-6, 1e3
"""Distances beyond are cut: no distance at all, and a message of another size."""
SPREAD = 0.005
"""Least standard deviation, over runs, of the decimal logarithm of a mean distance: 1 %."""
FEWEST = 3
"""Runs from which on another one can be held against their spread."""


@dataclass(frozen=True)
class Comparison:
    """Outcome of one comparison: what was compared, the field that differs most, and its p-value for all fields."""

    what: str
    field: str = ""
    p_value: float = 1.0


def least(comparisons: Iterable[Comparison]) -> Comparison:
    """The comparison of smallest p-value, which is multiplied by their number."""
    several = list(comparisons)
    if not several:
        return Comparison("nothing")
    worst = min(several, key=lambda one: one.p_value)
    return Comparison(worst.what, worst.field, min(1.0, worst.p_value * len(several)))


def same_law(what: str, first: Sequence[Departure], second: Sequence[Departure]) -> Comparison:
    """Two runs of one deployment: Kolmogorov-Smirnov tests of all rows, field by field."""
    from scipy.stats import ks_2samp

    own, other = _rows(first), _rows(second)
    return _worst(
        what, {f: float(ks_2samp(own[f], other[f], method="asymp").pvalue) for f in own.keys() & other.keys()}
    )


def same_inputs(what: str, first: Sequence[Departure], second: Sequence[Departure]) -> Comparison:
    """Two runs that share inputs: the messages that were equal before the defense, and so do not depend on answers."""
    plain = {(d.place, d.plain) for d in first} & {(d.place, d.plain) for d in second}
    own, other = ([d for d in some if (d.place, d.plain) in plain] for some in (first, second))
    return same_law(what, own, other)


def same_sessions(
    what: str, live: Sequence[Departure], other: Sequence[Departure], sessions: Iterable[int]
) -> Comparison:
    """Sessions of equal texts in two deployments: t tests of differences of their logarithmic distances, in pairs."""
    from scipy.stats import ttest_1samp

    p_values = {}
    for field in _fields(live) | _fields(other):
        pairs = [(_level(live, field, s), _level(other, field, s)) for s in sessions]
        moved = np.array([a - b for a, b in pairs])
        if len(moved) < FEWEST or not moved.any():
            continue
        constant = float(np.ptp(moved)) < 1e-12
        p_values[field] = 0.0 if constant else float(ttest_1samp(moved, 0.0).pvalue)
    return _worst(what, p_values)


def among_others(
    what: str,
    live: Sequence[Departure],
    others: Sequence[Sequence[Departure]],
    sessions: Sequence[int] | None = None,
) -> Comparison:
    """One run against the spread of others that are drawn like it: is its mean distance one more of theirs?

    A prediction interval by t of the decimal logarithm, field by field, of all or of some ``sessions``.
    """
    from scipy.stats import t

    if len(others) < FEWEST:
        return Comparison(what)
    p_values = {}
    for field in set().union(_fields(live), *map(_fields, others)):
        value, *rest = (_mean_level(run, field, sessions) for run in (live, *others))
        spread = max(float(np.std(rest, ddof=1)), SPREAD) * sqrt(1 + 1 / len(rest))
        p_values[field] = float(2 * t.sf(abs(value - np.mean(rest)) / spread, len(rest) - 1))
    return _worst(what, p_values)


def _worst(what: str, p_values: Mapping[str, float]) -> Comparison:
    if not p_values:
        return Comparison(what)
    field = min(sorted(p_values), key=lambda name: p_values[name])
    return Comparison(what, field, min(1.0, p_values[field] * len(p_values)))


def _fields(departures: Sequence[Departure]) -> set[str]:
    return {d.field for d in departures}


def _rows(departures: Sequence[Departure]) -> dict[str, Floats]:
    """All rows of every field that has any."""
    rows: dict[str, list[Floats]] = {}
    for departure in departures:
        rows.setdefault(departure.field, []).append(np.minimum(departure.rows.astype(np.float64), CEILING))
    joined = {field: np.concatenate(some) for field, some in rows.items()}
    return {field: some for field, some in joined.items() if len(some)}


def _level(departures: Sequence[Departure], field: str, session: int) -> float:
    return _mean_level(departures, field, (session,))


def _mean_level(departures: Sequence[Departure], field: str, sessions: Sequence[int] | None) -> float:
    """Decimal logarithm of the mean distance over messages; what was never sent was not moved."""
    some = [d for d in departures if d.field == field and (sessions is None or d.session in sessions) and len(d.rows)]
    distances = [float(np.minimum(d.rows.astype(np.float64), CEILING).mean()) for d in some]
    return log10(FLOOR + (float(np.mean(distances)) if distances else 0.0))
