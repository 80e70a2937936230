"""Toy generator: a word model that repeats its training texts, plus usual text of the domain."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

__all__ = ["domain", "generate"]

_VOCABULARY = [f"{c}{v}{d}o" for c in "bdfgklmnpr" for v in "aeiou" for d in "bdfgk"]
_SIZE = len(_VOCABULARY)
_FOLLOWING = np.random.default_rng(99).dirichlet(np.full(_SIZE, 0.02), size=_SIZE).cumsum(1)


def domain(count: int, rng: np.random.Generator, length: int = 12) -> list[str]:
    """Texts from a fixed Markov chain of words: what is usual in the domain."""
    texts = []
    for _ in range(count):
        at, picked = int(rng.integers(10)), []
        for _ in range(length):
            picked.append(_VOCABULARY[at])
            at = min(int(np.searchsorted(_FOLLOWING[at], rng.random())), len(_VOCABULARY) - 1)
        texts.append(" ".join(picked))
    return texts


def generate(training: list[str], count: int, rng: np.random.Generator, length: int = 16) -> list[str]:
    """Texts sampled from the word trigrams of ``training``."""
    following: dict[tuple[str, str], list[str]] = defaultdict(list)
    starts = []
    for text in training:
        tokens = [*text.split(), ""]
        starts.append((tokens[0], tokens[1]))
        for a, b, c in zip(tokens, tokens[1:], tokens[2:], strict=False):
            following[a, b].append(c)
    texts = []
    for _ in range(count):
        picked = list(starts[int(rng.integers(len(starts)))])
        while len(picked) < length and picked[-1]:
            options = following[picked[-2], picked[-1]]
            picked.append(options[int(rng.integers(len(options)))] if options else "")
        texts.append(" ".join(picked).strip())
    return texts
