"""A small language model that anyone can learn from public texts: counts of tokens, and a memory of the text itself.

The likelihood of a token is a mixture of simple guesses (Jelinek and Mercer, 1980, "Interpolated estimation of Markov
source parameters from sparse data", with the cache of Kuhn and De Mori, 1990). The shares of the guesses are fitted by
expectation maximisation on texts whose own counts are left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

import numpy as np

__all__ = ["TokenModel", "learn_tokens"]

FOLDS = 5
"""Parts of the public texts of which one at a time is left out of the counts."""
STEPS = 50
"""Steps of expectation maximisation."""
GUESSES = 7
"""All tokens alike, frequency, after one token, after two, and three memories of the text before."""

Ids = Sequence[int]
Asked = tuple[Ids, Ids]
"""Tokens that stand before, and those after them whose likelihood is wanted."""


@dataclass(frozen=True)
class _Counts:
    """Counts of tokens, and of tokens after one and two others."""

    vocabulary: int
    single: Mapping[int, int]
    total: int
    after: Mapping[tuple[int, ...], Counter[int]]
    """The last one or two tokens -> those that follow."""

    @classmethod
    def of(cls, texts: Sequence[Ids], vocabulary: int) -> _Counts:
        single = Counter(token for text in texts for token in text)
        after: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for text in texts:
            for place in range(1, len(text)):
                after[(text[place - 1],)][text[place]] += 1
                if place > 1:
                    after[(text[place - 2], text[place - 1])][text[place]] += 1
        return cls(vocabulary, single, single.total(), dict(after))

    def guesses(self, before: Ids, token: int) -> list[float]:
        """Probability of ``token`` after ``before`` by each of the ``GUESSES``; each is a distribution over tokens."""
        uniform = 1 / self.vocabulary
        frequency = self.single.get(token, 0) / self.total if self.total else uniform
        pair = _share(self.after.get(tuple(before[-1:])) if before else None, token, frequency)
        triple = _share(self.after.get(tuple(before[-2:])) if len(before) > 1 else None, token, pair)
        seen = Counter(before)
        memory = _share(seen, token, frequency)
        rare = {name: count / (1 + self.single.get(name, 0)) for name, count in seen.items()}
        names = rare.get(token, 0.0) / sum(rare.values()) if rare else frequency
        followers = Counter(b for a, b in pairwise(before) if a == before[-1])
        return [uniform, frequency, pair, triple, memory, names, _share(followers, token, memory)]

    def candidates(self, before: Ids) -> list[int]:
        """Tokens that any guess may hold for the likeliest, in a fixed order."""
        common = max(self.single, key=lambda token: (self.single[token], -token)) if self.single else 0
        known = {common, *before}
        for context in (tuple(before[-1:]), tuple(before[-2:])):
            known |= self.after.get(context, Counter()).keys()
        return sorted(known)


def _share(counts: Counter[int] | None, token: int, otherwise: float) -> float:
    return counts[token] / counts.total() if counts else otherwise


@dataclass(frozen=True)
class TokenModel:
    """Likelihoods of tokens after others."""

    counts: _Counts
    shares: tuple[float, ...]
    """Share of each guess in the mixture; their sum is 1."""

    def likelihoods(self, text: Ids, before: Ids = ()) -> list[float]:
        """Log-likelihood of each token of ``text`` after ``before`` and the text up to it, in nats."""
        return [log(self._mixed(known, token)) for known, token in _places([(before, text)])]

    def likeliest(self, before: Ids) -> int:
        """The token that most likely follows ``before``."""
        return max(self.counts.candidates(before), key=lambda token: self._mixed(before, token))

    def _mixed(self, before: Ids, token: int) -> float:
        return float(np.dot(self.shares, self.counts.guesses(before, token)))


def learn_tokens(texts: Sequence[Ids], vocabulary: int, asked: Sequence[Asked] = ()) -> TokenModel:
    """The model of public ``texts``; equal texts in equal order give equal models.

    ``asked``: one pair for each text, if some of its tokens alone are ever asked for, such as its last word: the shares
    are those that fit these. By default all tokens of a text count.
    """
    pairs = list(asked) or [((), text) for text in texts]
    held = [np.empty((0, GUESSES))]
    for fold in range(FOLDS):
        counts = _Counts.of([text for place, text in enumerate(texts) if place % FOLDS != fold], vocabulary)
        rows = [counts.guesses(before, token) for before, token in _places(pairs[fold::FOLDS])]
        held.append(np.array(rows).reshape(-1, GUESSES))
    guesses, shares = np.concatenate(held), np.full(GUESSES, 1 / GUESSES)
    for _ in range(STEPS if len(guesses) else 0):
        parts = guesses * shares
        shares = (parts / parts.sum(1, keepdims=True)).mean(0)
    # Tokens never seen keep a chance, however few the public texts are.
    floor = 1 / (1 + len(guesses))
    shares = (1 - floor) * shares + floor * np.eye(GUESSES)[0]
    return TokenModel(_Counts.of(texts, vocabulary), tuple(shares.tolist()))


def _places(pairs: Sequence[Asked]) -> Iterator[tuple[Ids, int]]:
    """Each token asked for, with all that stands before it."""
    for before, text in pairs:
        whole = [*before, *text]
        for place in range(len(before), len(whole)):
            yield whole[:place], whole[place]
