"""How usual words are in own texts of each class, and which words a prototype of several records makes likely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from attacks.prototype.decoder import BagDecoder
from attacks.synthetic_text.words import words
from harness.attack import Floats

__all__ = ["Usage"]

PRIOR = 20.0
"""Texts of all classes that weigh in with those of one class."""


@dataclass(frozen=True)
class Usage:
    """Words of own texts, class by class."""

    held: Mapping[str, Mapping[str, int]]
    """Class -> word -> texts that hold it."""
    texts: Mapping[str, int]
    lengths: Mapping[str, float]
    """Different words of a class's usual text, ``common`` ones aside."""
    common: frozenset[str]
    """What is usual everywhere, and never guessed."""

    @classmethod
    def of(cls, texts: Mapping[str, Sequence[str]], frequent: int) -> Usage:
        """Count ``texts`` by class; the ``frequent`` most frequent words of all of them are common."""
        bags = {label: [set(words(text)) for text in some] for label, some in texts.items()}
        held = {label: Counter(word for bag in some for word in bag) for label, some in bags.items()}
        total = sum(held.values(), Counter[str]())
        common = frozenset(sorted(total, key=lambda word: (-total[word], word))[:frequent])
        lengths = {label: float(median([len(bag - common) for bag in some] or [1])) for label, some in bags.items()}
        return cls(held, {label: len(some) for label, some in bags.items()}, lengths, common)

    def expected(self, decoder: BagDecoder, vector: Floats, label: str, count: int) -> list[str]:
        """The words that most of ``count`` records of class ``label`` are expected to hold whose mean, less that of the
        class, is ``vector [d]``: as many as so many texts of the class usually have."""
        held, size = self.held[label], self.texts[label]
        usual = zip(decoder.vocabulary, decoder.usual.tolist(), strict=True)
        rates = np.array([(held.get(word, 0) + PRIOR * rate) / (size + PRIOR) for word, rate in usual])
        most = max(int(count * self.lengths[label]), 1)
        ranked = decoder.likely(vector, rates, most + len(self.common))
        return [word for word in ranked if word not in self.common][:most]
