"""Token recovery against slow definitions written the other way round."""

from __future__ import annotations

from collections import Counter
from math import isnan, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import content_token_accuracy, exact_match, frequent_tokens, next_token_agreement, token_accuracy
from harness.metrics.recovery import token_f1

IDS = st.lists(st.integers(0, 6), max_size=8)
SETS = st.frozensets(st.integers(0, 6), max_size=3)


def slow_accuracy(guess: list[int], truth: list[int], skipped: frozenset[int]) -> float:
    padded = guess + [-1] * len(truth)
    kept = [(padded.pop(0), token) for token in truth]
    kept = [pair for pair in kept if pair[1] not in skipped]
    return Counter(left == right for left, right in kept)[True] / len(kept) if kept else nan


def same(left: float, right: float) -> bool:
    return left == right or (isnan(left) and isnan(right))


@given(IDS, IDS, SETS, SETS)
def test_accuracies_follow_their_definition(guess: Any, truth: Any, special: Any, frequent: Any) -> None:
    assert same(token_accuracy(guess, truth, special), slow_accuracy(guess, truth, special))
    content = content_token_accuracy(guess, truth, special, frequent)
    assert same(content, slow_accuracy(guess, truth, special | frequent))


@given(IDS, SETS)
def test_the_truth_is_perfect_and_a_constant_shift_is_nothing(truth: Any, special: Any) -> None:
    perfect = token_accuracy(truth, truth, special)
    assert isnan(perfect) if set(truth) <= special else perfect == 1.0
    shifted = token_accuracy([token + 1 for token in truth], truth, special)
    assert isnan(shifted) if set(truth) <= special else shifted == 0.0


@given(IDS, IDS, SETS)
def test_f1_of_bags_follows_its_definition_and_knows_no_order(guess: Any, truth: Any, skipped: Any) -> None:
    mine, left = [t for t in guess if t not in skipped], [t for t in truth if t not in skipped]
    found = token_f1(guess, truth, skipped)
    assert same(found, token_f1(guess[::-1], truth, skipped))
    shared = 0
    rest = list(left)
    for token in mine:
        if token in rest:
            rest.remove(token)
            shared += 1
    precision, recall = shared / max(len(mine), 1), shared / max(len(left), 1)
    expected = 2 * precision * recall / (precision + recall) if shared else 0.0
    assert isnan(found) if not left else found == pytest.approx(expected)


def test_positions_matter_and_missing_guesses_are_wrong() -> None:
    assert token_accuracy([2, 1], [1, 2]) == 0.0  # a bag of tokens would call this perfect
    assert token_accuracy([1], [1, 2, 3, 4]) == 0.25
    assert token_accuracy([1, 2, 3, 4, 5], [1, 2]) == 1.0
    assert token_accuracy([0, 5, 0], [0, 5, 9], special_ids={0, 9}) == 1.0


def test_no_content_token_is_undefined_not_zero() -> None:
    assert isnan(content_token_accuracy([1, 1], [1, 1], {0}, {1}))


@given(IDS, IDS, SETS)
def test_exact_match_means_equal_where_it_counts(guess: Any, truth: Any, special: Any) -> None:
    length = max(len(guess), len(truth))
    pairs = zip(guess + [-1] * (length - len(guess)), truth + [-1] * (length - len(truth)), strict=True)
    ok = all(
        (left == right if right not in special else True) if right != -1 else left in special | {-1}
        for left, right in pairs
    )
    value = exact_match(guess, truth, special)
    assert isnan(value) if set(truth) <= special else value == float(ok)


def test_exact_match_refuses_a_longer_guess() -> None:
    assert exact_match([1, 2, 3], [1, 2]) == 0.0
    assert exact_match([1, 2, 0, 0], [1, 2], special_ids={0}) == 1.0


@given(st.lists(st.lists(st.integers(0, 9), max_size=20), max_size=5), st.integers(0, 12))
def test_no_frequent_token_is_rarer_than_one_left_out(lists: Any, n: int) -> None:
    counts = Counter(token for ids in lists for token in ids)
    chosen = frequent_tokens(lists, n)
    assert len(chosen) == min(n, len(counts))
    left_out = counts.keys() - chosen
    assert all((-counts[inside], inside) < (-counts[out], out) for inside in chosen for out in left_out)


def test_next_token_agreement() -> None:
    assert next_token_agreement([1, 2, 3, 4], [1, 0, 3, 0]) == 0.5
    assert isnan(next_token_agreement([], []))
    with pytest.raises(ValueError):
        next_token_agreement([1], [1, 2])
