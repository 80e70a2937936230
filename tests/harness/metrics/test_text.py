"""Text metrics against a quadratic longest common subsequence and closed forms."""

from __future__ import annotations

from functools import cache
from math import inf, isinf, isnan, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DataError
from harness.metrics import mean_nll, perplexity, rouge_l, same_text

WORDS = st.lists(st.sampled_from(["anna", "paid", "42", "euros", "in"]), min_size=1, max_size=7)


def slow_rouge(guess: list[str], truth: list[str]) -> float:
    @cache
    def common(i: int, j: int) -> int:
        if not i or not j:
            return 0
        if guess[i - 1] == truth[j - 1]:
            return common(i - 1, j - 1) + 1
        return max(common(i - 1, j), common(i, j - 1))

    return 2 * common(len(guess), len(truth)) / (len(guess) + len(truth))  # harmonic mean of P and R


@given(WORDS, WORDS)
def test_rouge_is_the_longest_common_subsequence(guess: Any, truth: Any) -> None:
    assert rouge_l(" ".join(guess), " ".join(truth)) == pytest.approx(slow_rouge(guess, truth))


def test_rouge_of_nothing_to_recover_is_undefined() -> None:
    assert isnan(rouge_l("hello", "!?"))
    assert rouge_l("", "hello") == 0.0
    assert rouge_l("HELLO, there", "hello there!") == 1.0


def test_same_text_folds_form_and_spaces_but_not_case() -> None:
    assert same_text("caf\u00e9  au\nlait", " cafe\u0301 au lait") == 1.0
    assert same_text("Anna", "anna") == 0.0


@given(st.integers(2, 500), st.integers(1, 50))
def test_a_uniform_model_has_its_vocabulary_as_perplexity(vocabulary: Any, length: Any) -> None:
    assert perplexity(mean_nll(np.full(length, -log(vocabulary)))) == pytest.approx(vocabulary)


def test_edges_of_likelihood() -> None:
    assert isnan(mean_nll([]))
    assert isinf(mean_nll([-1.0, -inf]))
    assert perplexity(1e6) == inf
    for wrong in ([0.5], [float("nan")]):
        with pytest.raises(DataError, match="natural logarithms"):
            mean_nll(wrong)
