"""Echo canaries: the beginning of an ordinary text, then rare words of the domain.

A record that is improbable throughout is memorised but never generated; one with a usual beginning is entered by the
generator of its own accord (Meeus et al. 2025, "The Canary's Echo", section 5).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.data.candidates import Chosen
from harness.errors import DataError

if TYPE_CHECKING:
    import numpy

__all__ = ["echoing", "rare_words"]

BEGINNING, RARE = 5, 5
"""Words of the ordinary beginning, and rare words after it."""

_WORD = re.compile(r"[a-z]{4,}")


def rare_words(texts: Sequence[str], *, most: int = 2) -> list[str]:
    """Words of at least four letters in at most ``most`` of ``texts``, sorted."""
    counts = Counter(word for text in texts for word in set(_WORD.findall(text.casefold())))
    return sorted(word for word, count in counts.items() if count <= most)


def echoing(chosen: Chosen, texts: Sequence[str], rng: numpy.random.Generator) -> Chosen:
    """The same choice with every canary's text cut to its beginning and continued by rare words of ``texts``.

    Raises:
        DataError: too few rare words.
    """
    words = rare_words(texts)
    if len(words) < RARE:
        raise DataError(f"{len(words)} rare words in {len(texts)} texts: echo canaries need {RARE}; raise public")
    made = []
    for one in chosen.candidates:
        if one.canary:
            tail = [words[int(i)] for i in rng.choice(len(words), RARE, replace=False)]
            one = replace(one, text=" ".join([*one.text.split()[:BEGINNING], *tail]))
        made.append(one)
    return replace(chosen, candidates=tuple(made))
