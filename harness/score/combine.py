"""Efficiency, and the one number that joins privacy, utility and efficiency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from math import isclose, isfinite, prod, sqrt
from typing import overload

import numpy as np

from harness.errors import LeakboardError
from harness.score.results import Costs
from harness.util.arrays import Floats

__all__ = ["WEIGHTS", "check_weights", "dcs", "efficiency", "pue", "pue_gradient"]

WEIGHTS = (0.45, 0.45, 0.10)
"""Default weights of privacy, utility and efficiency."""


def efficiency(defended: Costs, undefended: Costs) -> float:
    """Geometric mean over bytes, FLOPs, peak memory and round trips of min(1, undefended / defended), in [0, 1].

    A cost that both lack counts 1, one that the defense alone causes 0, one that it alone saves 1.
    Raises LeakboardError, naming every cost that is negative or not finite.
    """
    problems = [
        f"{who} {field.name} = {getattr(costs, field.name)}"
        for who, costs in (("defended", defended), ("undefended", undefended))
        for field in fields(Costs)
        if not (isfinite(getattr(costs, field.name)) and getattr(costs, field.name) >= 0)
    ]
    if problems:
        raise LeakboardError(f"efficiency: costs must be finite and not negative: {', '.join(problems)}")
    ratios = [_ratio(before, after) for before, after in zip(astuple(undefended), astuple(defended), strict=True)]
    return float(prod(ratios) ** (1 / len(ratios)))


def _ratio(undefended: float, defended: float) -> float:
    return 1.0 if defended <= undefended else undefended / defended


def check_weights(weights: Sequence[float]) -> None:
    """Raise LeakboardError unless these are three weights, not negative, that sum to 1."""
    if len(weights) != 3 or not all(isfinite(w) and w >= 0 for w in weights) or not isclose(sum(weights), 1.0):
        raise LeakboardError(f"weights {tuple(weights)}: give three (privacy, utility, efficiency), >= 0, summing to 1")


@overload
def pue(privacy: float, utility: float, efficiency: float, weights: Sequence[float] = WEIGHTS) -> float: ...
@overload
def pue(privacy: Floats, utility: Floats, efficiency: Floats, weights: Sequence[float] = WEIGHTS) -> Floats: ...
def pue(
    privacy: float | Floats, utility: float | Floats, efficiency: float | Floats, weights: Sequence[float] = WEIGHTS
) -> float | Floats:
    """1 / (1 + sqrt(wp (1-P)^2 + wu max(0, 1-U)^2 + we (1-E)^2)), in (0, 1], of one row or of arrays of rows.

    ``privacy`` is clipped to [0, 1]; utility beyond the undefended earns nothing more. The form is that of VFLAIR's
    Defense Capability Score (Zou et al. 2023). nan in, nan out: a row with a void part has no PUE. Raises
    LeakboardError on bad weights or an efficiency outside [0, 1].
    """
    value: float | Floats = 1.0 / (1.0 + _distance(_losses(privacy, utility, efficiency, weights), weights))
    return value


def pue_gradient(
    privacy: float, utility: float, efficiency: float, weights: Sequence[float] = WEIGHTS
) -> tuple[float, float, float]:
    """Derivatives of :func:`pue` by privacy, utility and efficiency; 0 where that part is perfect.

    Raises LeakboardError as :func:`pue` does.
    """
    losses = _losses(privacy, utility, efficiency, weights)
    distance = float(_distance(losses, weights))
    value = 1.0 / (1.0 + distance)
    by_privacy, by_utility, by_efficiency = (
        value**2 * weight * float(loss) / distance if distance else 0.0
        for weight, loss in zip(weights, losses, strict=True)
    )
    return by_privacy, by_utility, by_efficiency


def _losses(
    privacy: float | Floats, utility: float | Floats, efficiency: float | Floats, weights: Sequence[float]
) -> tuple[float | Floats, float | Floats, float | Floats]:
    """Distances of the three parts from their best values: Python's floats of floats, arrays of arrays."""
    check_weights(weights)
    efficiencies = np.asarray(efficiency, dtype=float)
    if outside := [float(value) for value in efficiencies[(efficiencies < 0) | (efficiencies > 1)]]:
        raise LeakboardError(f"pue: efficiency {outside[0]} lies outside [0, 1]; pass what efficiency() returned")
    losses = 1.0 - np.clip(privacy, 0.0, 1.0), np.maximum(0.0, 1.0 - utility), 1.0 - efficiency
    if isinstance(privacy, np.ndarray):
        return losses
    return float(losses[0]), float(losses[1]), float(losses[2])


def _distance(losses: Sequence[float | Floats], weights: Sequence[float]) -> float | Floats:
    distance = np.sqrt(sum(weight * loss**2 for weight, loss in zip(weights, losses, strict=True)))
    return distance if isinstance(distance, np.ndarray) else float(distance)


def dcs(
    attack_performance: float,
    main_task: float,
    beta: float = 0.5,
    *,
    ideal_attack: float = 0.0,
    ideal_task: float = 1.0,
) -> float:
    """VFLAIR's Defense Capability Score of raw attack and task performance (Zou et al. 2023), for comparison.

    1 / (1 + sqrt((1-beta) (AP-AP*)^2 + beta (MP-MP*)^2)), in (0, 1]. As there, only losses count: an attack
    weaker than ``ideal_attack`` or a task better than ``ideal_task`` (the undefended one's) is at distance 0.
    Raises LeakboardError when beta is not in [0, 1].
    """
    if not 0 <= beta <= 1:
        raise LeakboardError(f"dcs: beta {beta} must lie in [0, 1]")
    leaked, lost = max(attack_performance - ideal_attack, 0.0), max(ideal_task - main_task, 0.0)
    return 1.0 / (1.0 + sqrt((1 - beta) * leaked**2 + beta * lost**2))
