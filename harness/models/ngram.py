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
Guess = tuple[Mapping[int, float], float]
"""Weights of tokens, and their sum; 0: all tokens alike."""


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

    def guesses(self, before: Ids) -> list[Guess]:
        """Each of the ``GUESSES`` at what follows ``before``, as weights of tokens and their sum.

        Each is a distribution over tokens: one that knows nothing falls back to a simpler one.
        """
        frequency = (self.single, self.total) if self.total else ({}, 0)
        pair = _or(self.after.get(tuple(before[-1:])) if before else None, frequency)
        triple = _or(self.after.get(tuple(before[-2:])) if len(before) > 1 else None, pair)
        seen = Counter(before)
        memory = _or(seen, frequency)
        rare = {token: count / (1 + self.single.get(token, 0)) for token, count in seen.items()}
        followers = Counter(b for a, b in pairwise(before) if a == before[-1])
        return [({}, 0), frequency, pair, triple, memory, _or(rare, frequency), _or(followers, memory)]

    def chances(self, guesses: Sequence[Guess], token: int) -> list[float]:
        """Probability of ``token`` by each guess."""
        return [weights.get(token, 0) / total if total else 1 / self.vocabulary for weights, total in guesses]

    def candidates(self, guesses: Sequence[Guess]) -> list[int]:
        """Tokens that may be the likeliest: those that guesses beyond frequency know, and the most frequent one."""
        common = max(self.single, key=lambda token: (self.single[token], -token)) if self.single else 0
        known = {common}
        for weights, _ in guesses:
            known |= weights.keys() if weights is not self.single else set()
        return sorted(known)


def _or(weights: Mapping[int, float] | None, otherwise: Guess) -> Guess:
    return (weights, sum(weights.values())) if weights else otherwise


@dataclass(frozen=True)
class TokenModel:
    """Likelihoods of tokens after others."""

    counts: _Counts
    shares: tuple[float, ...]
    """Share of each guess in the mixture; their sum is 1."""

    def likelihoods(self, text: Ids, before: Ids = ()) -> list[float]:
        """Log-likelihood of each token of ``text`` after ``before`` and the text up to it, in nats."""
        places = _places([(before, text)])
        return [log(self._mixed(self.counts.guesses(known), token)) for known, token in places]

    def likeliest(self, before: Ids) -> int:
        """The token that most likely follows ``before``."""
        guesses = self.counts.guesses(before)
        return max(self.counts.candidates(guesses), key=lambda token: self._mixed(guesses, token))

    def _mixed(self, guesses: Sequence[Guess], token: int) -> float:
        return sum(
            share * chance for share, chance in zip(self.shares, self.counts.chances(guesses, token), strict=True)
        )


def learn_tokens(texts: Sequence[Ids], vocabulary: int, asked: Sequence[Asked] = ()) -> TokenModel:
    """The model of public ``texts``; equal texts in equal order give equal models.

    ``asked``: one pair for each text, if some of its tokens alone are ever asked for, such as its last word: the shares
    are those that fit these. By default all tokens of a text count.
    """
    pairs = list(asked) or [((), text) for text in texts]
    held = [np.empty((0, GUESSES))]
    for fold in range(FOLDS):
        counts = _Counts.of([text for place, text in enumerate(texts) if place % FOLDS != fold], vocabulary)
        rows = [counts.chances(counts.guesses(before), token) for before, token in _places(pairs[fold::FOLDS])]
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
