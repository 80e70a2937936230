"""Active attack: the server puts candidate records, and near copies of them, among the texts to be voted on.

A private record equal to a probe is at distance zero from it and must vote for it. Other records near the candidate
vote for its near copies as readily as for the probe itself, so the copies measure the background.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attacks.synthetic_text.words import words
from harness.attack import Floats

__all__ = ["near_copies", "probe_llr", "probe_scores"]


def near_copies(text: str, count: int, rng: np.random.Generator) -> list[str]:
    """``count`` copies of ``text`` with one word left out each, or doubled where only one word is left."""
    tokens = text.split()
    if len(tokens) < 2 or not words(text):
        return [f"{text} {text}"] * count
    drop = rng.permutation(len(tokens))
    gaps = [int(drop[i % len(tokens)]) for i in range(count)]
    return [" ".join(tokens[:gap] + tokens[gap + 1 :]) for gap in gaps]


def probe_scores(histogram: Floats, probes: Sequence[int], copies: Sequence[Sequence[int]] = ()) -> Floats:
    """Votes ``[c]`` of each probe (cells ``probes`` of ``histogram [m]``) beyond the mean of its near copies' cells."""
    scores: Floats = histogram[np.asarray(probes)]
    if not copies:
        return scores
    around = np.array([histogram[np.asarray(cells)].mean() if len(cells) else 0.0 for cells in copies])
    contrast: Floats = scores - around
    return contrast


def probe_llr(scores: Floats, weight: float, sigma: float, copies: int = 0) -> Floats:
    """Log-likelihood ratio of probe scores: ``weight`` votes more for a member, Gaussian noise ``sigma`` in each cell.

    The contrast with ``copies`` cells has variance ``sigma^2 (1 + 1 / copies)``.
    """
    variance = max(sigma**2 * (1 + (1 / copies if copies else 0.0)), 1e-6)
    ratio: Floats = (weight * scores - weight**2 / 2) / variance
    return ratio
