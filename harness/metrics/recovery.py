"""Shares of a text's tokens that a guess recovers, position by position or as a bag.

Texts of private parties are scored by :mod:`harness.metrics.alignment`; these are for what has positions of its own.

Guesses and truths are token ids of one record, compared as they are: nothing is decoded or tokenised again. A guess
that is too short misses the rest; -1 at a position is no guess. Every function takes one record and returns a number
from 0 to 1, or nan where the truth has nothing to recover.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import nan

__all__ = [
    "content_token_accuracy",
    "exact_match",
    "frequent_tokens",
    "next_token_agreement",
    "token_accuracy",
    "token_f1",
]


def token_accuracy(guess_ids: Sequence[int], true_ids: Sequence[int], special_ids: Collection[int] = ()) -> float:
    """Share of the true tokens, special ones aside, that the guess has at their position."""
    return _share(guess_ids, true_ids, frozenset(special_ids))


def content_token_accuracy(
    guess_ids: Sequence[int],
    true_ids: Sequence[int],
    special_ids: Collection[int],
    frequent_ids: Collection[int],
) -> float:
    """Token accuracy over the positions whose true token is not a frequent one.

    Frequent tokens are what a guesser without any observation gets right; count them on auxiliary data with
    :func:`frequent_tokens`.
    """
    return _share(guess_ids, true_ids, frozenset(special_ids) | frozenset(frequent_ids))


def exact_match(guess_ids: Sequence[int], true_ids: Sequence[int], special_ids: Collection[int] = ()) -> float:
    """1.0 where every true token is recovered and the guess adds none but special tokens after the end, else 0.0."""
    beyond = [token for token in guess_ids[len(true_ids) :] if token not in special_ids and token != -1]
    accuracy = token_accuracy(guess_ids, true_ids, special_ids)
    return nan if accuracy != accuracy else float(accuracy == 1.0 and not beyond)


def frequent_tokens(id_lists: Iterable[Sequence[int]], n: int = 100) -> frozenset[int]:
    """The ``n`` most frequent token ids; of equally frequent ones the smaller ids."""
    counts = Counter(token for ids in id_lists for token in ids)
    return frozenset(sorted(counts, key=lambda token: (-counts[token], token))[:n])


def token_f1(guess_ids: Sequence[int], true_ids: Sequence[int], skipped: Collection[int] = ()) -> float:
    """Harmonic mean of precision and recall over tokens as bags, ``skipped`` ones left out of both.

    For texts behind a single vector, whose order it hardly tells.
    """
    guess, truth = (Counter(t for t in ids if t not in skipped and t != -1) for ids in (guess_ids, true_ids))
    return 2 * (guess & truth).total() / (guess.total() + truth.total()) if truth else nan


def next_token_agreement(first: Sequence[int], other: Sequence[int]) -> float:
    """Share of positions where two models choose the same next token; nan where there is no position.

    Raises:
        ValueError: the choices are not over the same positions.
    """
    pairs = list(zip(first, other, strict=True))
    return sum(left == right for left, right in pairs) / len(pairs) if pairs else nan


def _share(guess_ids: Sequence[int], true_ids: Sequence[int], skipped: frozenset[int]) -> float:
    positions = [position for position, token in enumerate(true_ids) if token not in skipped]
    hits = sum(position < len(guess_ids) and guess_ids[position] == true_ids[position] for position in positions)
    return hits / len(positions) if positions else nan
