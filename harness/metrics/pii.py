"""Recovery of personal information: whole spans, since half a card number harms little."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Protocol

__all__ = ["pii_span_recall", "span_token_ranges"]


class _Span(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def span_token_ranges(offsets: Sequence[tuple[int, int]], spans: Sequence[_Span]) -> tuple[tuple[int, int], ...]:
    """Token ranges (first, one past the last) of character spans, in the order of the spans.

    ``offsets`` is the offset mapping of a fast tokenizer, (start, end) in characters for each token. A token that
    overlaps a span belongs to it; tokens without characters (special ones, offset (0, 0)) belong to none. A span
    that reaches beyond the last token, cut off by truncation, is left out: nobody was sent it whole.
    """
    end_of_text = max((end for _, end in offsets), default=0)
    ranges = []
    for span in spans:
        inside = [index for index, (start, end) in enumerate(offsets) if max(start, span.start) < min(end, span.end)]
        if inside and span.end <= end_of_text:
            ranges.append((inside[0], inside[-1] + 1))
    return tuple(ranges)


def pii_span_recall(
    guess_ids: Sequence[int], true_ids: Sequence[int], spans_token_ranges: Sequence[tuple[int, int]]
) -> float:
    """Share of a record's spans all of whose tokens the guess has at their positions; nan without spans.

    ``spans_token_ranges`` comes from :func:`span_token_ranges`.
    """
    if not spans_token_ranges:
        return nan
    hits = sum(list(guess_ids[first:stop]) == list(true_ids[first:stop]) for first, stop in spans_token_ranges)
    return hits / len(spans_token_ranges)
