"""Tolerances of metrics: how far two computations of one cell may be apart on different platforms.

On one platform, with pinned threads and equal packages, the same key gives the same bytes, and nothing is tolerated.
Elsewhere sums are rounded in another order: a likelihood moves by a little, and where two answers are almost equally
good the other one may win.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DEFAULT", "TOLERANCES", "Tolerance", "tolerance_of"]


@dataclass(frozen=True)
class Tolerance:
    """Bounds on how far the values of a metric may be apart, record by record."""

    each: float
    """A record's value may differ by so much, or by this share of itself where it is larger than 1."""
    share: float = 0.0
    """This share of the records, and at least one where it is not zero, may differ by more: answers that flipped."""


EXACT = Tolerance(0.0)
"""Facts of the draw, which no rounding changes."""
DEFAULT = Tolerance(1e-3, 0.05)
"""Shares of tokens, hits and the like."""

TOLERANCES: Mapping[str, Tolerance] = {
    "canary": EXACT,
    "label": EXACT,
    "same_alone": EXACT,
    "log_likelihood": Tolerance(0.02, 0.05),
    "score": Tolerance(0.02, 0.05),
    "count": Tolerance(1.0, 0.1),
    "absolute_error": Tolerance(1.0, 0.1),
    "js": Tolerance(0.02, 0.1),
    "tv": Tolerance(0.02, 0.1),
    "p_value": Tolerance(1.0),
}
"""Metrics that state another than :data:`DEFAULT`. Of a control's p-value its status counts."""


def tolerance_of(metric: str) -> Tolerance:
    """The tolerance that a metric states."""
    return TOLERANCES.get(metric, DEFAULT)
