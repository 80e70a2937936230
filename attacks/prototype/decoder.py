"""Inversion of a mean of several records by a decoder trained on such means: from a prototype to its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attacks.synthetic_text.words import words
from harness.attack import DataError, Floats

__all__ = ["BagDecoder", "fit_bag_decoder", "n_means"]


@dataclass(frozen=True)
class BagDecoder:
    """Expected share of a prototype's records that hold each word, as a linear function of the prototype."""

    vocabulary: tuple[str, ...]
    weight: Floats
    """``[d, V]``."""
    bias: Floats
    usual: Floats
    """Share of all records that hold the word, ``[V]``."""

    def lift(self, prototypes: Floats) -> Floats:
        """``[k, V]``: predicted minus usual share, in standard deviations of the usual share."""
        excess = prototypes @ self.weight + self.bias - self.usual
        found: Floats = excess / np.sqrt(self.usual * (1 - self.usual) + 1e-12)
        return found

    def keywords(self, prototype: Floats, most: int) -> list[str]:
        """The ``most`` words most over-represented in ``prototype [d]``."""
        order = np.argsort(-self.lift(prototype[None])[0], kind="stable")[:most]
        return [self.vocabulary[i] for i in order]

    def likely(self, prototype: Floats, rates: Floats, most: int) -> list[str]:
        """The ``most`` words that most records behind ``prototype [d]`` are expected to hold, where a record holds each
        at ``rates [V]`` before the prototype is seen."""
        expected = rates + (prototype @ self.weight + self.bias - self.usual)
        return [self.vocabulary[i] for i in np.argsort(-expected, kind="stable")[:most]]


def n_means(embeddings: Floats, count: int, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Means ``[draws, d]`` of ``count`` rows drawn without replacement, and which rows: shares ``[draws, m]``."""
    if not 1 <= count <= len(embeddings):
        raise DataError(f"means of {count} records out of {len(embeddings)}: give more auxiliary records")
    shares = np.zeros((draws, len(embeddings)))
    for row in shares:
        row[rng.choice(len(embeddings), count, replace=False)] = 1 / count
    return shares @ embeddings, shares


def fit_bag_decoder(
    embeddings: Floats,
    texts: Sequence[str],
    count: int,
    rng: np.random.Generator,
    *,
    noise: float = 0.0,
    draws: int = 2000,
    fewest: int = 3,
    penalty: float = 0.1,
) -> BagDecoder:
    """Train on means of ``count`` auxiliary ``embeddings [m, d]`` (multi-label decoding: Song and Raghunathan 2020).

    ``noise`` is the variance that the defense adds to each coordinate of the mean; the fit is that of the expected
    loss under it. Words in fewer than ``fewest`` texts are left out.
    """
    import torch

    from attacks.embedding_inversion.linear import fit_ridge

    bags = [set(words(text)) for text in texts]
    found = Counter(word for bag in bags for word in bag)
    vocabulary = tuple(sorted(word for word, n in found.items() if n >= fewest))
    occurs = np.array([[word in bag for word in vocabulary] for bag in bags], dtype=np.float64)
    means, shares = n_means(embeddings, count, draws, rng)
    fitted = fit_ridge(
        torch.from_numpy(means), torch.from_numpy(shares @ occurs), penalty=penalty * len(means), noise_variance=noise
    )
    return BagDecoder(vocabulary, fitted.weight.numpy(), fitted.bias.numpy(), occurs.mean(0))
