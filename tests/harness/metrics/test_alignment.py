"""Texts recovered elsewhere, in another case, in other tokens."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.metrics.alignment import aligned_share, contains, words
from harness.scenario.secrets import TextSecret

WORDS = [" hi", "Call", " Ann", " on", " 55", "51", " now", "call", " ann", " 5551", " the", "<s>", ".", " so"]
TRUTH = (11, 1, 2, 3, 4, 5, 6)  # <s>Call Ann on 5551 now
SECRET = TextSecret(
    tokens={"r": TRUTH},
    special_ids=frozenset({11}),
    frequent_ids=frozenset({3, 10}),
    spans={"r": ((2, 3), (4, 6))},
    decode=lambda ids: "".join(WORDS[i] for i in ids),
)


def scored(*ids: int) -> dict[str, float]:
    return SECRET.metrics("r", ids)


CLEAR = {"token_accuracy": 1.0, "content_token_accuracy": 1.0, "exact_match": 1.0, "pii_span_recall": 1.0}


@pytest.mark.parametrize(
    "guess",
    [
        (11, 1, 2, 3, 4, 5, 6),
        (1, 2, 3, 4, 5, 6),
        (0, 1, 2, 3, 4, 5, 6),
        (11, 13, 0, 1, 2, 3, 4, 5, 6, 12),
        (7, 8, 3, 4, 5, 6),
        (1, 2, 3, 9, 6),
        (0, 12, 7, 8, 3, 9, 6, 13),
    ],
    ids=["same", "unmarked", "shifted", "among others", "recased", "retokenised", "all"],
)
def test_a_text_in_clear_is_recovered_wherever_it_stands(guess: tuple[int, ...]) -> None:
    """Defect 9: one word put in front, the text otherwise in clear, stood at privacy 0.96."""
    values = scored(*guess)
    assert {name: values[name] for name in CLEAR} == CLEAR


def test_a_miss_is_a_miss() -> None:
    values = scored(11, 1, 10, 3, 4, 10, 6)  # Ann and 51 are wrong
    assert values["token_accuracy"] == pytest.approx(4 / 6)
    assert values["content_token_accuracy"] == pytest.approx(3 / 5)
    assert values["exact_match"] == 0.0 and values["pii_span_recall"] == 0.0
    assert scored()["token_accuracy"] == 0.0 and scored(-1, -1, 2)["token_accuracy"] == pytest.approx(1 / 6)


def test_listing_the_vocabulary_recovers_nothing() -> None:
    many = [f"w{i}" for i in range(50)]
    assert aligned_share(many * 5, ["w0", "w25", "w0", "w25"], [1.0] * 4) == 0.25
    assert aligned_share(["w7", "x", "w3"], ["w7", "w3"], [1.0] * 2) == pytest.approx(0.95)
    assert math.isnan(aligned_share(["w7"], ["w7"], [0.0]))


def test_order_counts() -> None:
    assert aligned_share(list("dcba"), list("abcd"), [1.0] * 4) == 0.25


def test_a_share_of_equal_length_is_never_below_that_by_position() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        guess, truth = rng.integers(0, 6, (2, 12)).tolist()
        by_position = sum(g == t for g, t in zip(guess, truth, strict=True)) / 12
        assert by_position <= aligned_share(guess, truth, [1.0] * 12) <= 1.0


def test_runs_and_words() -> None:
    assert contains("abcd", "bc") and not contains("abcd", "bd") and not contains("abcd", "")
    assert words("It's \uff21nn, 5!") == ["it", "'", "s", "ann", ",", "5", "!"]


def test_a_bag_of_words_knows_no_case() -> None:
    unordered = TextSecret(
        SECRET.tokens, SECRET.special_ids, SECRET.frequent_ids, SECRET.spans, SECRET.decode, ordered=False
    )
    assert unordered.metrics("r", (6, 5, 4, 8, 7))["content_token_f1"] == 1.0
