"""Privacy at equal utility: of each system the best operating point that is useful enough, never one between two.

The rule compares systems that do the same task on the same records, by what they reach on it (accuracy, say). Only
operating points that were measured count: privacy between two of them is unknown, as a mixture of both is another
defense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Curve", "Measured", "best_at", "common_level"]


@dataclass(frozen=True)
class Measured:
    """Utility (the task's own metric, larger is better) and privacy of one operating point, with their 95 % intervals.

    The ends of an interval are those of the point by itself: the choice among several points is not in them.
    """

    name: str
    utility: float
    privacy: float
    utility_ends: tuple[float, float] | None = None
    privacy_ends: tuple[float, float] | None = None


@dataclass(frozen=True)
class Curve:
    """One system: all operating points that were measured, the undefended one among them."""

    points: tuple[Measured, ...]
    alone: float | None = None
    """Utility that its parties reach without it, where that was measured."""

    @property
    def reach(self) -> float | None:
        """The greatest utility of any point; None where there is no point."""
        return max((point.utility for point in self.points), default=None)

    @property
    def pays(self) -> bool:
        """True where some point is more useful than no system at all."""
        return self.reach is not None and (self.alone is None or self.reach > self.alone)


def common_level(curves: Mapping[str, Curve]) -> float | None:
    """The greatest utility that every curve reaches; None where none does anything.

    A curve that does not pay sets no level: nobody would run it, and what all reach would be what anybody reaches.
    """
    reached = [curve.reach for curve in curves.values() if curve.pays and curve.reach is not None]
    return min(reached, default=None)


def best_at(curve: Curve, least: float) -> Measured | None:
    """The point of largest privacy among those of utility ``least`` or more, of equal ones the more useful; None where
    there is no such point.
    """
    useful = [point for point in curve.points if point.utility >= least]
    return max(useful, key=lambda point: (point.privacy, point.utility), default=None)
