"""Exposure of a canary in a generator that can be asked for losses: its rank among random candidates.

Carlini et al. 2019, "The Secret Sharer": ``exposure = log2 |R| - log2 rank``, which is minus the binary logarithm of
the probability that a random candidate is as likely to the model; estimated from sampled candidates, and beyond
their number from a skew-normal fit to their losses (section 4.3 there).
"""

from __future__ import annotations

from math import log

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["exposure", "extrapolated_exposure", "sequence_losses"]

MOST_BITS = 200.0


def exposure(loss: float, references: Floats) -> float:
    """Bits of exposure of a canary of that ``loss`` among ``references [m]``, candidates that were not inserted.

    At most ``log2(m + 1)``; of equal losses half count as lower. A canary drawn like its references has mean
    exposure ``log2 e`` = 1.44 for large m.
    """
    _check(references)
    rank = 1 + float((references < loss).sum()) + 0.5 * float((references == loss).sum())
    return float(np.log2(len(references) + 1) - np.log2(rank))


def extrapolated_exposure(loss: float, references: Floats) -> float:
    """Bits of exposure by a skew-normal fit to ``references [m]``: beyond ``log2 m``, capped at 200."""
    from scipy.stats import skewnorm

    _check(references)
    fitted = skewnorm.fit(references)
    bits = -float(skewnorm.logcdf(loss, *fitted)) / log(2)
    return min(max(bits, 0.0), MOST_BITS) if not np.isnan(bits) else MOST_BITS


def sequence_losses(logits: Floats, tokens: np.ndarray[tuple[int, int], np.dtype[np.int64]], start: int = 1) -> Floats:
    """Total negative log-likelihood ``[b]`` of ``tokens [b, t]`` from position ``start`` on, by ``logits [b, t, v]``.

    Logits at position i predict the token at i + 1.
    """
    from scipy.special import log_softmax

    if not 1 <= start < tokens.shape[1]:
        raise DataError(f"losses from position {start} of {tokens.shape[1]} tokens: give 1 to the last position")
    logs = log_softmax(logits[:, start - 1 : -1], axis=-1)
    picked = np.take_along_axis(logs, tokens[:, start:, None], axis=-1)[..., 0]
    losses: Floats = -picked.sum(1)
    return losses


def _check(references: Floats) -> None:
    if len(references) == 0 or not np.isfinite(references).all():
        raise DataError("exposure is a rank among random candidates: give finite losses of at least one")
