"""Which token stands where: candidate pairs of an encoder's batch, from embedding gradients or from the span alone.

A token's row of the word-embedding gradient is the sum over its places of the gradients of the embedded inputs, and so
is a position's row of the position-embedding gradient, over the tokens there: position rows are 0/1 sums of token rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.gradient_leakage.context import input_vectors
from attacks.gradient_leakage.subspace import Subspace
from harness.attack import Part

__all__ = ["Pair", "candidate_pairs", "in_span", "pair_vectors", "position_rows", "word_rows"]

Pair = tuple[int, int]
"""Token id and position."""

SUPPORT = 1e-5
"""Norm of a row of an embedding gradient, over the largest, from which it is no rounding error."""
EXPLAINED = 1e-4
"""Share of a position's row that rounding may leave once all its tokens are subtracted."""
ROUGH = 0.1
CLOSE = 1e-3
"""Distance from the span of inputs up to which a pair may be in the batch."""


@dataclass(frozen=True)
class _Names:
    words = "part.embedding.embeddings.word_embeddings.weight"
    positions = "part.embedding.embeddings.position_embeddings.weight"


def word_rows(values: Mapping[str, Tensor]) -> Tensor | None:
    """Gradient of the word embeddings [V, d]; None where they are frozen."""
    return values.get(_Names.words)


def position_rows(values: Mapping[str, Tensor]) -> Tensor | None:
    """Gradient of the position embeddings [P, d]; None where they are frozen."""
    return values.get(_Names.positions)


def candidate_pairs(values: Mapping[str, Tensor], part: Part, span: Subspace, longest: int) -> list[Pair]:
    """Pairs that may be in the batch: all true ones where gradients are exact, few others."""
    words, positions = word_rows(values), position_rows(values)
    if words is None or positions is None:
        return _scanned(part, span, longest)
    tokens = _support(words)
    places = _support(positions)
    if not tokens or not places:
        return []
    last = max(places) + 1
    offset = min(places)  # families that number positions from another start
    by_token, by_place = words[tokens].double(), positions[offset:last].double()
    shares = by_place @ torch.linalg.pinv(by_token, rtol=1e-8)
    single = _single_places(shares)
    left = by_place.clone()
    for column, row in single.items():
        left[row] -= by_token[column]
    rest = left.norm(dim=1) / by_place.norm(dim=1).clamp_min(1e-30)
    open_places = (rest > EXPLAINED).nonzero().flatten().tolist()
    several = [column for column in range(len(tokens)) if column not in single]
    pairs = [(tokens[column], row) for column, row in single.items()]
    pairs += [(tokens[column], row) for column in several for row in open_places]
    return in_span(pairs, part, span)


def in_span(pairs: Sequence[Pair], part: Part, span: Subspace) -> list[Pair]:
    """The pairs whose input vector lies in the span."""
    if not pairs:
        return []
    near = span.distance(pair_vectors(pairs, part)) < CLOSE
    return [pair for pair, inside in zip(pairs, near.tolist(), strict=True) if inside]


def pair_vectors(pairs: Sequence[Pair], part: Part) -> Tensor:
    """Inputs [n, d] of the first attention for each pair, in double precision."""
    vectors = torch.empty(len(pairs), part.hidden_size, dtype=torch.float64)
    for position in {place for _, place in pairs}:
        rows = [row for row, (_, place) in enumerate(pairs) if place == position]
        ids = torch.tensor([pairs[row][0] for row in rows])
        vectors[rows] = input_vectors(part, ids, position).double()
    return vectors


def _single_places(shares: Tensor) -> dict[int, int]:
    """Tokens (columns) that stand at one position only -> that position, by their shares [P, T] in all rows."""
    single = {}
    for column in range(shares.shape[1]):
        own = shares[:, column]
        row = int(own.argmax())
        others = torch.cat([own[:row], own[row + 1 :]]).abs()
        if abs(float(own[row]) - 1) < 0.3 and (not len(others) or float(others.max()) < 0.3):
            single[column] = row
    return single


def _support(rows: Tensor) -> list[int]:
    norms = rows.norm(dim=1)
    return [int(i) for i in (norms > SUPPORT * norms.max()).nonzero().flatten()] if bool(norms.max() > 0) else []


def _scanned(part: Part, span: Subspace, longest: int) -> list[Pair]:
    """Every token at every position against the span, up to the first position where none fits."""
    pairs: list[Pair] = []
    ids = torch.arange(part.vocab_size)
    for position in range(longest):
        vectors = input_vectors(part, ids, position)
        near = (span.screened(vectors) < ROUGH).nonzero().flatten()
        hits = near[span.distance(vectors[near].double()) < CLOSE].tolist()
        if not hits or len(hits) > 0.02 * part.vocab_size:
            break
        pairs += [(token, position) for token in hits]
    return pairs
