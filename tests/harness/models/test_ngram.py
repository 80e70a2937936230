"""The small language model of public texts: a distribution, better than frequencies, exact in small cases."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log

import pytest

from harness.models.ngram import learn_tokens
from harness.util.seeds import numpy_generator

TEXTS = [[1, 2, 3, 4], [1, 2, 3, 5], [2, 3, 4, 4], [5, 1, 2, 3], [3, 4, 1, 2], [6, 1, 2, 3]]


def test_likelihoods_are_a_distribution_over_tokens() -> None:
    model = learn_tokens(TEXTS, 12)
    for before in ([], [1], [1, 2], [11, 3], [9], [4, 4, 2]):
        total = sum(exp(model.likelihoods([token], before)[0]) for token in range(12))
        assert total == pytest.approx(1.0)


def test_a_mixture_is_the_sum_of_its_guesses() -> None:
    """The definition written out: every guess by counting anew, for one token."""
    model = learn_tokens(TEXTS, 12)
    flat = [token for text in TEXTS for token in text]
    before, token = [6, 1, 2], 3
    pairs = [(a, b) for text in TEXTS for a, b in pairwise(text)]
    triples = [tuple(text[i : i + 3]) for text in TEXTS for i in range(len(text) - 2)]
    frequency = flat.count(token) / len(flat)
    pair = pairs.count((2, 3)) / sum(a == 2 for a, _ in pairs)
    triple = triples.count((1, 2, 3)) / sum(t[:2] == (1, 2) for t in triples)
    # Nothing in the text before is the token, and nothing has followed a 2 yet.
    guesses = [1 / 12, frequency, pair, triple, 0.0, 0.0, 0.0]
    wanted = log(sum(share * guess for share, guess in zip(model.shares, guesses, strict=True)))
    assert model.likelihoods([token], before) == pytest.approx([wanted])


def test_order_and_repetition_are_learned() -> None:
    rng = numpy_generator("ngram")
    chain = [[int(start + i) % 50 for i in range(12)] for start in rng.integers(0, 50, 60)]
    noise = [rng.integers(0, 50, 12).tolist() for _ in range(60)]
    echo = [[*half, *half] for half in (rng.integers(0, 500, 8).tolist() for _ in range(60))]
    assert sum(learn_tokens(chain[:50], 50).likelihoods(chain[55])) / 12 > -1.0
    assert sum(learn_tokens(noise[:50], 50).likelihoods(noise[55])) / 12 == pytest.approx(-log(50), abs=0.4)
    model = learn_tokens(echo[:50], 500)
    assert sum(model.likelihoods(echo[55][8:], echo[55][:8])) / 8 > -2.5
    assert model.likeliest(echo[55][:12]) == echo[55][12]


def test_shares_fit_what_is_asked_and_nothing_is_drawn() -> None:
    asked = [(text[:-1], text[-1:]) for text in TEXTS]
    assert learn_tokens(TEXTS, 12, asked) == learn_tokens(TEXTS, 12, asked)
    assert sum(learn_tokens(TEXTS, 12, asked).shares) == pytest.approx(1.0)
    assert learn_tokens([], 12).likelihoods([3], [1]) == pytest.approx([-log(12)])
