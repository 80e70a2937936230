"""WASP: near and far texts make contrastive prompts, and near votes the shares of the public generators.

Zou et al. (2025), section 4: a record votes with 1, 1/2, 1/4, ... for its nearest texts and likewise, apart, for its
farthest ones (:mod:`scenarios.synthetic_fusion.votes`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.scenario import Floats
from scenarios.synthetic_fusion.prompts import contrast
from scenarios.synthetic_fusion.public_generators import PublicGenerators, Written
from scenarios.synthetic_fusion.synthetic_texts import SyntheticTexts
from scenarios.synthetic_fusion.votes import allotted, best_of_each

__all__ = ["contrasted", "generator_shares", "samples_by_class"]

PROMPTS = 3
"""Draws of samples for the prompts of a label and round, however many texts are written."""


def samples_by_class(votes: Floats, texts: SyntheticTexts, classes: Sequence[str], shots: int) -> list[list[str]]:
    """For each class the ``shots`` texts of most votes ``[n]``."""
    return [texts.rows(rows.tolist()).texts for rows in best_of_each(votes, texts.labels, classes, shots)]


def generator_shares(near: Floats, owners: Sequence[int], generators: int, temperature: float = 1.0) -> Floats:
    """Shares ``[K]`` of the next texts: softmax over generators of (share of near votes) / (share of texts).

    WASP, section 4.3. Votes below zero, which only noise makes, count as zero here, and no votes at all as equal.
    """
    from scipy.special import softmax

    positive, mark = np.maximum(near, 0.0), np.asarray(owners)
    counts = np.array([(mark == k).sum() for k in range(generators)])
    mass = np.array([positive[mark == k].sum() for k in range(generators)])
    if positive.sum() <= 0:
        return np.full(generators, 1 / generators)
    score = np.where(counts > 0, mass / positive.sum() * len(mark) / np.maximum(counts, 1), 0.0)
    shares: Floats = softmax(score / temperature)
    return shares


def contrasted(
    generators: PublicGenerators,
    near: Sequence[Sequence[str]],
    far: Sequence[Sequence[str]],
    classes: Sequence[str],
    shares: Floats,
) -> Written:
    """Texts of every label after its near and far samples, generators by ``shares``; half of the samples a prompt,
    drawn anew for each of a few prompts.
    """
    requests = []
    for label, good, bad in zip(classes, near, far, strict=True):
        draws = [(generators.half(bad), generators.half(good)) for _ in range(PROMPTS)]
        turn = 0
        for k, count in enumerate(allotted(shares, generators.s["texts"])):
            for _ in range(count):
                samples = draws[turn % PROMPTS]
                prompt = contrast(generators.instruction(k), generators.s["prefixes"], *samples, label)
                requests.append((k, label, prompt))
                turn += 1
    return generators.written(requests)
