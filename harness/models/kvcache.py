"""The key/value cache of one model part: it grows with every call, and its rows can be reordered and repeated."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.errors import ModelError

__all__ = ["KVCache"]


class KVCache:
    """Keys and values of the blocks ``first .. first + blocks - 1``, each [B, kv_heads, length, head_dim].

    Block code writes through ``update`` with the block's number in the whole model; rows are texts.
    """

    def __init__(self, first: int, blocks: int) -> None:
        self.first = first
        self.length = 0
        self.keys: list[Tensor | None] = [None] * blocks
        self.values: list[Tensor | None] = [None] * blocks

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Append [B, kv_heads, T, head_dim] to one block; returns all its keys and values so far."""
        at = layer_idx - self.first
        old_keys, old_values = self.keys[at], self.values[at]
        if old_keys is not None and old_values is not None:
            if old_keys.shape[0] != keys.shape[0]:
                raise ModelError(
                    f"cache holds {old_keys.shape[0]} texts, block {layer_idx} was given {keys.shape[0]}; "
                    "use select() when texts are dropped or repeated"
                )
            keys, values = torch.cat((old_keys, keys), dim=2), torch.cat((old_values, values), dim=2)
        self.keys[at], self.values[at] = keys, values
        return keys, values

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens held, under the name that block code asks for."""
        return self.length

    def advance(self, tokens: int) -> None:
        """Note that ``tokens`` more positions are complete in every block."""
        self.length += tokens

    def select(self, rows: Tensor) -> None:
        """Keep the texts ``rows`` [B'] in this order; an index may repeat (beams) or be missing (finished)."""
        self.keys = [None if one is None else one[rows] for one in self.keys]
        self.values = [None if one is None else one[rows] for one in self.values]

    def extend(self, other: KVCache) -> None:
        """Take the texts of another cache of the same blocks and length in, after the own ones."""
        if other.length != self.length:
            raise ModelError(f"a cache of {other.length} positions cannot join one of {self.length}")
        pairs = (zip(a, b, strict=True) for a, b in ((self.keys, other.keys), (self.values, other.values)))
        self.keys, self.values = (
            [own if new is None else new if own is None else torch.cat((own, new)) for own, new in both]
            for both in pairs
        )

    def crop(self, length: int) -> None:
        """Forget all but the first ``length`` positions."""
        if not 0 <= length <= self.length:
            raise ModelError(f"cannot crop a cache of {self.length} positions to {length}")
        self.keys = [None if one is None else one[:, :, :length] for one in self.keys]
        self.values = [None if one is None else one[:, :, :length] for one in self.values]
        self.length = length

    def copy(self) -> KVCache:
        """A second cache with the same content; growing one does not touch the other."""
        copied = KVCache(self.first, len(self.keys))
        copied.keys, copied.values, copied.length = list(self.keys), list(self.values), self.length
        return copied
