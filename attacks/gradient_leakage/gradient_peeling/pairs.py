"""Pairs of tokens and places of an encoder's batch, from embedding gradients or from the span alone.

A token's row of the word-embedding gradient is the sum over its places of the gradients of the embedded inputs, and so
is a position's row of the position-embedding gradient, over the tokens there: position rows are 0/1 sums of token rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.toolkit.gradient_space.context import input_vectors
from attacks.toolkit.gradient_space.subspace import Subspace
from harness.attack import Part

__all__ = ["Pair", "candidate_pairs", "in_span", "pair_vectors", "position_rows", "word_rows"]

Pair = tuple[int, int]
"""Token id and position."""

SUPPORT = 1e-5
"""Norm of a row of an embedding gradient, over the largest, from which it is no rounding error."""
EXPLAINED = 1e-4
"""Share of a position's row that rounding may leave once all its tokens are subtracted."""
ORTHOGONAL = 2e-5
"""Cosine below which vectors are orthogonal: of unrelated ones it is about 0.05, of exact gradients 1e-7."""
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
    by_token, by_place = words[tokens].double(), positions[:last].double()
    sure, tokens_left, places_left = _resolved(by_token, by_place, _normalised(tokens, last, part))
    pairs = [(tokens[token], place) for token, place in sure]
    pairs += [(tokens[token], place) for token in tokens_left for place in places_left]
    return in_span(list(dict.fromkeys(pairs)), part, span)


def _resolved(
    by_token: Tensor, by_place: Tensor, normalised: Tensor
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pairs (token number, place) that are sure, then the tokens and the places that are left with others.

    The gradient of what enters a layer norm is orthogonal to what the norm makes of it. So a token's row [T, d] that is
    orthogonal to its own normalised vector [T, P, d] at a place is of that place alone, and a place's row [P, d] of one
    token alone; either is then subtracted from the other's row, until nothing more is resolved.
    """
    rows, columns = by_token.clone(), by_place.clone()
    whole = rows.norm(dim=1), columns.norm(dim=1)
    sure: list[tuple[int, int]] = []
    while True:
        open_tokens, open_places = (
            (left.norm(dim=1) > EXPLAINED * size).nonzero().flatten()
            for left, size in ((rows, whole[0]), (columns, whole[1]))
        )
        if not len(open_tokens) or not len(open_places):
            break
        near = normalised[open_tokens][:, open_places]
        of_tokens = _angles(near, rows[open_tokens][:, None])
        of_places = _angles(near, columns[open_places][None])
        best = torch.minimum(of_tokens, of_places)
        if float(best.min()) > ORTHOGONAL:
            break
        first, second = divmod(int(best.argmin()), best.shape[1])
        token, place = int(open_tokens[first]), int(open_places[second])
        whose = rows[token] if of_tokens[first, second] <= of_places[first, second] else columns[place]
        alone = whose.clone()
        rows[token] -= alone
        columns[place] -= alone
        sure.append((token, place))
    return sure, open_tokens.tolist(), open_places.tolist()


def _angles(vectors: Tensor, rows: Tensor) -> Tensor:
    """Absolute cosines of vectors [T, P, d] with rows that are as wide."""
    return torch.nn.functional.cosine_similarity(vectors, rows, dim=-1, eps=1e-30).abs()


def _normalised(tokens: Sequence[int], places: int, part: Part) -> Tensor:
    """Each token at each place after the embedding's layer norm, before its scale and shift, [T, P, d]."""
    last = [m for m in part.embedding.modules() if isinstance(m, torch.nn.LayerNorm)][-1]
    every = torch.tensor(list(tokens))
    vectors = torch.stack([input_vectors(part, every, place) for place in range(places)], 1).double()
    shift: Tensor | float = 0.0 if last.bias is None else last.bias.detach().double()
    return (vectors - shift) / last.weight.detach().double()


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
        if not hits or len(hits) > span.rank:
            break
        pairs += [(token, position) for token in hits]
    return pairs
