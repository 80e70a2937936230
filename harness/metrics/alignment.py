"""Recovery of a text wherever it stands in the guess, whatever its case and however it is cut into tokens.

A submission may shift, recase or re-tokenise what it sends; who reads the text then has it all the same. So guess and
truth are aligned as a whole (Smith and Waterman 1981, "Identification of common molecular subsequences"): what comes
before and after costs nothing, a wrong item in place of a true one is a miss, and further items in between cost a
little, so that a guess gains nothing by listing the vocabulary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from math import nan

__all__ = ["GAP", "AlignedText", "aligned_share", "contains", "words"]

GAP = 0.1
"""Cost of one superfluous item inside the aligned stretch, in items of weight 1."""

Decode = Callable[[list[int]], str]


def words(text: str) -> list[str]:
    """Words and single signs of a text, without case and in Unicode's compatible form (NFKC)."""
    return re.findall(r"\w+|[^\w\s]", unicodedata.normalize("NFKC", text).casefold())


def aligned_share(guess: Sequence[Hashable], truth: Sequence[Hashable], weights: Sequence[float]) -> float:
    """Share of the true items, by weight, that the best alignment of the whole guess recovers in their order.

    Items are equal or not; ``weights`` (one for each true item) are at least 0. nan where they sum to 0.
    """
    import numpy as np

    total = float(sum(weights))
    if total <= 0:
        return nan
    numbers = {item: number for number, item in enumerate(dict.fromkeys(truth))}
    guessed = np.array([numbers.get(item, -1) for item in guess], dtype=np.int64)
    ramp = GAP * np.arange(len(guessed) + 1)
    best = np.zeros(len(guessed) + 1)  # of the true items so far, with so many guessed ones
    for item, weight in zip(truth, weights, strict=True):
        matched = best.copy()
        matched[1:] = np.maximum(matched[1:], best[:-1] + weight * (guessed == numbers[item]))
        best = np.maximum(np.maximum.accumulate(matched + ramp) - ramp, 0.0)
    return round(float(best.max()) / total, 9)


def contains(items: Sequence[Hashable], run: Sequence[Hashable]) -> bool:
    """True where ``run`` stands in ``items`` in one piece; of an empty run never."""
    sought, size = list(run), len(run)
    return size > 0 and any(list(items[i : i + size]) == sought for i in range(len(items) - size + 1))


@dataclass(frozen=True)
class AlignedText:
    """One true text, as token ids, that guesses are aligned with: as tokens and as words, whichever recovers more.

    Tokens are compared by what they say (without case and outer spaces), words as :func:`words` cuts them.
    ``special_ids`` are no part of the text.
    """

    truth: Sequence[int]
    decode: Decode
    special_ids: Collection[int] = ()

    def share(self, guess: Sequence[int], skipped: Collection[int] = ()) -> float:
        """Share of the true tokens, ``skipped`` and special ones aside, that the guess recovers in their order."""
        weights = [float(token not in skipped and token not in self.special_ids) for token in self.truth]
        ids = self._plain(guess)
        by_token = aligned_share(self.pieces(ids), self.pieces(self.truth), weights)
        if by_token != by_token or by_token == 1.0:
            return by_token
        true_words, of_words = self._weighted_words(weights)
        by_word = aligned_share(words(self.decode(ids)), true_words, of_words) if sum(of_words) else 0.0
        return max(by_token, by_word * sum(of_words) / sum(weights))

    def holds(self, guess: Sequence[int], first: int = 0, stop: int | None = None) -> float:
        """1.0 where the true tokens ``first`` to ``stop`` stand in the guess in one piece, as tokens or as words,
        else 0.0; nan where there are none."""
        wanted, ids = self._plain(self.truth[first:stop]), self._plain(guess)
        if not wanted:
            return nan
        said = words(self.decode(wanted))
        return float(contains(self.pieces(ids), self.pieces(wanted)) or contains(words(self.decode(ids)), said))

    def pieces(self, ids: Sequence[int]) -> list[Hashable]:
        """Texts of the tokens; a token that says nothing by itself (a space, part of a character) is its id."""
        said = {token: _piece(self.decode([token])) for token in set(ids) if token >= 0}
        return [said.get(token) or token for token in ids]

    def _plain(self, ids: Sequence[int]) -> list[int]:
        return [token for token in ids if token >= 0 and token not in self.special_ids]

    def _weighted_words(self, weights: Sequence[float]) -> tuple[list[str], list[float]]:
        """The true text's words, each with the weights of the tokens that end in it."""
        ids = list(self.truth)
        cuts = [len(words(self.decode(ids[: i + 1]))) for i in range(len(ids))]
        every = words(self.decode(ids))
        of_words = [0.0] * len(every)
        for cut, weight in zip(cuts, weights, strict=True):
            if 0 < cut <= len(every):
                of_words[cut - 1] += weight
        return every, of_words


def _piece(text: str) -> str:
    return "" if "\ufffd" in text else unicodedata.normalize("NFKC", text).casefold().strip()
