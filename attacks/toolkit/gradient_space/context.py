"""The first block of a causal model up to its context vectors: all that is needed to test a continuation.

The gradient of the attention's output projection gives the span of the context vectors of all tokens, so that a prefix
is tested after attention alone: no feed-forward layer, no second block.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from attacks.toolkit.gradient_space.architecture import ATTENTION, AttentionLayers, submodule
from attacks.toolkit.gradient_space.subspace import Subspace
from harness.attack import Part, PrefixTree

__all__ = ["ContextTree", "WholeContexts", "first_blocks", "input_vectors", "tokens_in_span"]

CHUNK = 8192
SCREEN = 0.1
"""Distance up to which a token is looked at in double precision."""
SPARE = 8
"""Tokens in a span beyond its rank from which on it tells nothing: then there is none in it."""


class _Bypass(nn.Module):
    """Stands in for a module whose output does not matter: hands its first input on."""

    def forward(self, x: Tensor, *_: Any, **__: Any) -> Tensor:
        return x


class ContextTree:
    """A batch of prefixes of equal length; continuations are tried by their context vectors [B, K, d]."""

    def __init__(self, part: Part, prefix: list[int]) -> None:
        self._layers = ATTENTION[part.family]
        self._part = _first_block(part, self._layers)
        self._contexts: list[Tensor] = []
        output = self._part.blocks[0].get_submodule(self._layers.output)
        output.register_forward_pre_hook(self._note)
        self._tree = PrefixTree(self._part, torch.tensor([prefix], dtype=torch.long))
        self._contexts.clear()

    def contexts(self, ids: Tensor) -> Tensor:
        """Context vectors of continuing every prefix by each of the tokens ``ids`` [K]: [B, K, d]."""
        self._contexts.clear()
        with torch.no_grad():
            self._tree.try_next(ids.expand(self._tree.rows, -1))
        return self._contexts.pop().reshape(self._tree.rows, len(ids), -1)

    def extend(self, rows: Tensor, choice: Tensor) -> None:
        """Keep prefix ``rows[i]`` continued by the ``choice[i]``-th token tried, for all i."""
        self._tree.select(rows)
        self._tree.commit_at(choice)

    def _note(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._contexts.append(inputs[0].detach())


class WholeContexts:
    """Context vectors of all tokens of a text in the first attention of a causal model or an encoder."""

    def __init__(self, part: Part) -> None:
        layers = ATTENTION[part.family]
        self._part = _first_block(part, layers)
        self._contexts: list[Tensor] = []
        self._part.blocks[0].get_submodule(layers.output).register_forward_pre_hook(self._note)

    @torch.no_grad()
    def __call__(self, ids: Sequence[int]) -> Tensor:
        """Vectors [T, d] of the whole sequence ``ids``."""
        self._contexts.clear()
        self._part(torch.tensor([list(ids)]))
        return self._contexts.pop()[0].reshape(len(ids), -1)

    def _note(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._contexts.append(inputs[0].detach())


def _first_block(part: Part, layers: AttentionLayers) -> Part:
    """A copy of the part that ends after its first block, whose feed-forward half does nothing."""
    block = deepcopy(part.blocks[0])
    for name in layers.rest:
        setattr(block, name, _Bypass())
    return first_blocks(part, [block])


def first_blocks(part: Part, blocks: Sequence[nn.Module]) -> Part:
    """A part that shares everything with ``part`` but its blocks, and ends after them."""
    first = copy(part)
    first._modules = dict(part._modules)
    first.blocks = nn.ModuleList(blocks)
    first.final = nn.ModuleDict()
    first.head = None
    first.stop, first.is_final = len(blocks), False
    return first


@torch.no_grad()
def input_vectors(part: Part, ids: Tensor, position: int = 0, block: int = 0) -> Tensor:
    """Normalised inputs [K, d] of the first block's attention for each of the tokens ``ids`` [K] at a position."""
    layers = ATTENTION[part.family]
    embedded = part.embed(ids[None], torch.full((1, len(ids)), position))
    vectors: Tensor = submodule(part.blocks[block], layers.norm)(embedded)[0]
    return vectors


def tokens_in_span(part: Part, inputs: Subspace, position: int, tolerance: float) -> Tensor:
    """Token ids whose input vector at a position lies in the space; none where more do than a batch can have."""
    hits = []
    for ids in torch.arange(part.vocab_size).split(CHUNK):
        vectors = input_vectors(part, ids, position)
        near = (inputs.screened(vectors) < SCREEN).nonzero().flatten()
        hits.append(ids[near[inputs.distance(vectors[near].double()) < tolerance]])
    every = torch.cat(hits)
    return every if len(every) <= inputs.rank + SPARE else every[:0]
