"""Canaries whose trace survives generation: an in-distribution prefix, then a suffix of high perplexity.

A canary that is improbable throughout is memorised but never generated; one with a usual prefix is entered by the
generator of its own accord, and then leaves its improbable continuation (Meeus et al. 2025, section 5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from attacks.synthetic_text.words import words
from harness.errors import DataError
from harness.score.statistic import Floats

__all__ = ["echo_canary", "rare_words", "suffix_at_perplexity"]

NextLogits = Callable[[Sequence[int]], Floats]
"""Token ids so far -> logits ``[v]`` of the next one."""


def rare_words(texts: Sequence[str], *, most: int = 2) -> list[str]:
    """Alphabetic words of at least four letters in at most ``most`` of ``texts``, sorted: rare, yet of the domain."""
    counts = Counter(word for text in texts for word in set(words(text)))
    return sorted(word for word, count in counts.items() if count <= most and len(word) > 3 and word.isalpha())


def echo_canary(text: str, rare: Sequence[str], rng: np.random.Generator, *, prefix: int = 8, suffix: int = 8) -> str:
    """The first ``prefix`` words of an ordinary ``text``, then ``suffix`` different words of ``rare``."""
    if len(rare) < suffix:
        raise DataError(f"{len(rare)} rare words for a suffix of {suffix}: give more texts or allow commoner words")
    drawn = [rare[int(i)] for i in rng.choice(len(rare), suffix, replace=False)]
    return " ".join([*text.split()[:prefix], *drawn])


def suffix_at_perplexity(
    next_logits: NextLogits, prefix: Sequence[int], length: int, perplexity: float, rng: np.random.Generator
) -> list[int]:
    """``length`` token ids after ``prefix`` whose perplexity under the model is near ``perplexity``.

    Sampled at the temperature that bisection finds; the draws' noise is shared, so that hotter means less likely.
    """
    noise: Floats | None = None
    low, high = np.log(0.05), np.log(50.0)
    best: list[int] = []
    for _ in range(12):
        middle = (low + high) / 2
        if noise is None:
            noise = rng.gumbel(size=(length, len(next_logits(prefix))))
        best, loss = _sample(next_logits, list(prefix), noise, float(np.exp(middle)))
        low, high = (middle, high) if loss < np.log(perplexity) else (low, middle)
    return best


def _sample(next_logits: NextLogits, ids: list[int], noise: Floats, heat: float) -> tuple[list[int], float]:
    """Tokens drawn at temperature ``heat`` with the given Gumbel ``noise [length, v]``, and their mean loss."""
    from scipy.special import log_softmax

    start, losses = len(ids), []
    for row in noise:
        logits = next_logits(ids)
        token = int(np.argmax(logits / heat + row))
        losses.append(-float(log_softmax(logits)[token]))
        ids.append(token)
    return ids[start:], float(np.mean(losses))
