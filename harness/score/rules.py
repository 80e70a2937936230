"""Numbers that decide what ranks; flags, tables and pages format them into their texts."""

from __future__ import annotations

__all__ = ["LEAST_GAP", "PINNED_FPR", "RANKED_SEEDS", "UTILITY_FLOOR"]

UTILITY_FLOOR = 0.5
"""Utility below which a row is listed but neither ranked nor on the Pareto front: sending noise must not win."""

LEAST_GAP = 4.0
"""Standard errors by which undefended utility must lie above its reference: below that, the ratio that utility is has
a biased mean and intervals that cover too little, and an entry says nothing about trade-offs."""

RANKED_SEEDS = 5
"""Seeds from which on a row of a ranked suite counts in full; with fewer, seed variance is hardly known."""

PINNED_FPR = 0.01
"""False-positive rate at which the true-positive rate of membership attacks is scored, unless an entry pins another."""
