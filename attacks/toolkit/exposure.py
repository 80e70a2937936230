"""Exposure of a canary: its rank among random candidates.

Carlini et al. 2019, "The Secret Sharer": ``exposure = log2 |R| - log2 rank``, which is minus the binary logarithm of
the probability that a random candidate is as likely to the model; estimated from sampled candidates, and beyond
their number from a skew-normal fit to their losses (section 4.3 there).
"""

from __future__ import annotations

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["alternatives", "exposure"]


def exposure(loss: float, references: Floats) -> float:
    """Bits of exposure of a canary of that ``loss`` among ``references [m]``, candidates that were not inserted.

    At most ``log2(m + 1)``; of equal losses half count as lower. A canary drawn like its references has mean
    exposure ``log2 e`` = 1.44 for large m.
    """
    _check(references)
    rank = 1 + float((references < loss).sum()) + 0.5 * float((references == loss).sum())
    return float(np.log2(len(references) + 1) - np.log2(rank))


def _check(references: Floats) -> None:
    if len(references) == 0 or not np.isfinite(references).all():
        raise DataError("exposure is a rank among random candidates: give finite losses of at least one")


def alternatives(text: str, pool: list[str], count: int, prefix: float, rng: np.random.Generator) -> list[str]:
    """``count`` texts that share the first ``prefix`` of the words of ``text``; the rest are ends of ``pool`` texts."""
    tokens = text.split()
    shared = max(round(prefix * len(tokens)), 1)
    texts = []
    for index in rng.integers(len(pool), size=count):
        other = pool[int(index)].split()
        tail = (other * (len(tokens) // max(len(other), 1) + 1))[-max(len(tokens) - shared, 1) :]
        texts.append(" ".join([*tokens[:shared], *tail]))
    return texts
