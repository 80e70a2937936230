"""Aug-PE: the texts of most votes are kept, and varied by public generators.

Xie et al. (2024), "Differentially private synthetic data via foundation model APIs 2: text", algorithm 1, with one vote
of each private record for the nearest text of its class (:mod:`scenarios.synthetic_fusion.votes`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.scenario import Floats
from scenarios.synthetic_fusion.prompts import rephrase
from scenarios.synthetic_fusion.public_generators import PublicGenerators, Written
from scenarios.synthetic_fusion.synthetic_texts import SyntheticTexts
from scenarios.synthetic_fusion.votes import best_of_each

__all__ = ["survivors", "varied"]


def survivors(
    votes: Floats, population: SyntheticTexts, classes: Sequence[str], texts: int, variations: int
) -> SyntheticTexts:
    """The texts of most votes ``[n]`` of each class: as many as make ``texts`` together with their variations."""
    count = max(1, texts // (1 + variations))
    best = best_of_each(np.maximum(votes, 0.0), population.labels, classes, count)
    return population.rows(np.concatenate(best).tolist())


def varied(generators: PublicGenerators, texts: Sequence[str], labels: Sequence[str], count: int) -> Written:
    """``count`` variations of each text, by the setting ``variation``."""
    if generators.s["variation"] == "continue":
        return generators.continued([*texts] * count, [*labels] * count)
    pairs = [(text, label) for _ in range(count) for text, label in zip(texts, labels, strict=True)]
    turns = [i % len(generators.names) for i in range(len(pairs))]
    prefixes = generators.s["prefixes"]
    return generators.written(
        [(k, label, rephrase(prefixes, t, label)) for k, (t, label) in zip(turns, pairs, strict=True)]
    )
