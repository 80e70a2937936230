"""Membership from labels alone: a record that was trained on keeps its label when its text is disturbed.

Choquette-Choo et al. 2021, "Label-Only Membership Inference Attacks", with word edits in place of image
augmentations: the copies are put among the queries, and the party's answers on them are compared.
"""

from __future__ import annotations

import numpy as np

from harness.attack import DataError, Floats, Ints

__all__ = ["disturbed", "disturbed_copies", "flip_rate", "kept_share"]


def disturbed(text: str, rng: np.random.Generator, rate: float = 0.2) -> str:
    """A copy of ``text`` in which each word is, with probability ``rate``, dropped or swapped with its neighbour.

    At least one word is kept, and at least one is touched where there are two.
    """
    words = text.split()
    if len(words) < 2:
        return " ".join(words)
    touched = rng.random(len(words)) < rate
    touched[rng.integers(len(words))] = True
    kept: list[str] = []
    for word, touch in zip(words, touched, strict=True):
        if touch and kept and rng.random() < 0.5:
            kept.insert(len(kept) - 1, word)
        elif not touch:
            kept.append(word)
    return " ".join(kept or words[:1])


def disturbed_copies(
    text: str, count: int, rng: np.random.Generator, rates: tuple[float, float] = (0.1, 0.5)
) -> list[str]:
    """``count`` copies of ``text``, disturbed ever more, from the first rate to the second."""
    return [disturbed(text, rng, float(rate)) for rate in np.linspace(*rates, count)]


def kept_share(answers: Ints, labels: Ints) -> Floats:
    """Share ``[m]`` of ``answers [copies, m]`` that are the record's label: larger for members.

    Raises:
        DataError: shapes do not fit, or there is no copy.
    """
    if answers.ndim != 2 or answers.shape[1:] != labels.shape or not len(answers):
        raise DataError(f"answers {list(answers.shape)} for labels {list(labels.shape)}; give [copies, m] and [m]")
    return np.asarray((answers == labels).mean(0), dtype=np.float64)


def flip_rate(answers: Ints, original: Ints) -> Floats:
    """Share ``[m]`` of copies answered otherwise than the undisturbed text ``original [m]``: smaller for members."""
    return 1.0 - kept_share(answers, original)
