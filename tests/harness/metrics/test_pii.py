"""Spans in characters become token ranges; recall counts whole spans alone."""

from __future__ import annotations

from math import isnan
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.data import Span
from harness.metrics import pii_span_recall, span_token_ranges


def tokenizer() -> Any:
    """A small byte-level BPE, trained here: the kind that the embedded decoder uses."""
    from tokenizers import ByteLevelBPETokenizer

    built = ByteLevelBPETokenizer()
    built.train_from_iterator(["my name is Anna Müller and my card is 4556 1234"] * 4, vocab_size=300)
    return built


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.data())
def test_a_token_belongs_to_a_span_when_they_share_a_character(lengths: Any, data: Any) -> None:
    ends = [sum(lengths[: index + 1]) for index in range(len(lengths))]
    offsets = [(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    start = data.draw(st.integers(0, ends[-1] - 1))
    end = data.draw(st.integers(start + 1, ends[-1]))
    shared = [index for index, (a, b) in enumerate(offsets) if set(range(a, b)) & set(range(start, end))]
    assert span_token_ranges(offsets, [Span(start, end, "X")]) == ((shared[0], shared[-1] + 1),)


def test_real_offsets_with_accents_cover_exactly_the_span() -> None:
    text = "my name is Anna Müller, card 4556"
    found = tokenizer().encode(text)
    start = text.index("Anna")
    ((first, stop),) = span_token_ranges(found.offsets, [Span(start, start + len("Anna Müller"), "PERSON")])
    covered = "".join(text[a:b] for a, b in dict.fromkeys(found.offsets[first:stop]))
    assert covered.strip() == "Anna Müller"


def test_special_tokens_belong_to_no_span_and_cut_spans_are_left_out() -> None:
    offsets = [(0, 0), (0, 2), (2, 5), (0, 0)]
    assert span_token_ranges(offsets, [Span(0, 2, "A")]) == ((1, 2),)
    assert span_token_ranges(offsets, [Span(0, 2, "A"), Span(3, 9, "B")]) == ((1, 2),)
    assert span_token_ranges([], [Span(0, 2, "A")]) == ()


def test_only_whole_spans_at_their_place_count() -> None:
    truth = [1, 2, 3, 4, 5, 6]
    ranges = [(0, 2), (3, 6)]
    assert pii_span_recall(truth, truth, ranges) == 1.0
    assert pii_span_recall([1, 2, 9, 4, 5, 9], truth, ranges) == 0.5
    assert pii_span_recall([9, 1, 2, 3, 4, 5], truth, ranges) == 0.0
    assert pii_span_recall([1, 2, 3, 4, 5], truth, ranges) == 0.5  # too short for the second span
    assert isnan(pii_span_recall(truth, truth, []))
