"""Many alternatives for the next token against one shared prefix, for a batch of texts at once.

The hot loop of attacks that reconstruct a text token by token: K alternatives are K queries of one forward pass, all at
the position after the prefix, each seeing the prefix and itself alone. No key or value of the prefix is copied.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.errors import ModelError
from harness.models.families import Step, window
from harness.models.kvcache import KVCache
from harness.models.part import Part

__all__ = ["PrefixTree"]


class _Probe:
    """Stands in for the cache while alternatives are tried: hands out the prefix, keeps the new keys apart."""

    def __init__(self, part: Part, cache: KVCache) -> None:
        self._part, self._cache = part, cache
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def shared(self, layer_idx: int) -> tuple[Tensor, Tensor] | None:
        at = layer_idx - self._cache.first
        keys, values = self._cache.keys[at], self._cache.values[at]
        if keys is None or values is None or keys.shape[2] == 0:
            return None
        seen = window(self._part.config, layer_idx)
        since = 0 if seen is None else max(0, keys.shape[2] - (seen - 1))
        return keys[:, :, since:], values[:, :, since:]

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        self.keys.append(keys.detach())
        self.values.append(values.detach())
        prefix = self.shared(layer_idx)
        if not self._part.spec.alibi or prefix is None:
            return keys, values
        return torch.cat((prefix[0], keys), dim=2), torch.cat((prefix[1], values), dim=2)


@dataclass(frozen=True)
class _Tried:
    """The last alternatives: ids [B, K] where ids were given, keys and values per block, outputs [B, K, d]."""

    ids: Tensor | None
    keys: list[Tensor]
    values: list[Tensor]
    states: Tensor
    rows: Tensor


class PrefixTree:
    """A batch of equally long prefixes of one causal part, extended token by token.

    prefix: ids [B, P] or input embeddings / hidden states [B, P, d]; P may be 0 (then [B, 0]). ``prefix_states`` holds
    the part's outputs [B, P, d] on it. Gradients flow to the alternatives given to ``try_next``, never to the prefix.
    """

    def __init__(self, part: Part, prefix: Tensor) -> None:
        cache = part.new_cache()
        if cache is None:
            raise ModelError(f"a {part.family} encoder sees the whole text at once; it has no next token to try")
        self._part, self._cache = part, cache
        self.rows = int(prefix.shape[0])
        self._tried: _Tried | None = None
        with torch.no_grad():
            empty = prefix.new_zeros(self.rows, 0, part.hidden_size, dtype=torch.float32)
            self.prefix_states = part(prefix, cache) if prefix.shape[1] else empty

    @property
    def length(self) -> int:
        """Tokens of every prefix so far."""
        return self._cache.length

    def try_next(self, x: Tensor) -> Tensor:
        """Outputs [B, K, d] (or logits) of K alternatives for the next position; the prefixes stay as they are.

        x: ids [B, K], or input embeddings / hidden states [B, K, d] (differentiable).
        """
        if x.shape[0] != self.rows:
            raise ModelError(f"alternatives for {x.shape[0]} texts, the tree holds {self.rows}")
        part, probe = self._part, _Probe(self._part, self._cache)
        positions = torch.full((1, x.shape[1]), self.length, device=x.device)
        hidden = part.embed(x, positions)
        step = self._step(hidden, positions, probe)
        for block in part.blocks:
            hidden = part.spec.run(block, hidden, step)
        out = part.finish(hidden)
        ids = None if x.is_floating_point() else x
        rows = torch.arange(self.rows, device=x.device)
        self._tried = _Tried(ids, probe.keys, probe.values, out.detach(), rows)
        return out

    def commit(self, ids: Tensor) -> Tensor:
        """Append one token to every prefix: ids [B]; returns its outputs [B, d].

        Keys and values are taken over from the last ``try_next`` where an id was among its alternatives; the other
        texts take one more forward pass over one token each.
        """
        tried = self._tried
        if tried is not None and tried.ids is not None:
            same = tried.ids[tried.rows] == ids.unsqueeze(1)
            among = same.any(dim=1)
            if bool(among.any()):
                return self._append(tried, same.long().argmax(dim=1), self._late(ids, (~among).nonzero().squeeze(1)))
        self._tried = None
        with torch.no_grad():
            after: Tensor = self._part(ids.unsqueeze(1), self._cache)
        return after.squeeze(1)

    def commit_at(self, choice: Tensor) -> Tensor:
        """Append alternative number ``choice`` [B] of the last ``try_next`` to each prefix; its outputs [B, d]."""
        if self._tried is None:
            raise ModelError("nothing was tried since the last commit; call try_next first")
        return self._append(self._tried, choice, None)

    def _late(self, ids: Tensor, rows: Tensor) -> tuple[Tensor, _Tried] | None:
        """The texts ``rows`` with their tokens ``ids`` [B], tried alone; None where there is no such text."""
        if not len(rows):
            return None
        other = self.fork(rows)
        with torch.no_grad():
            other.try_next(ids[rows].unsqueeze(1))
        assert other._tried is not None
        return rows, other._tried

    def _append(self, tried: _Tried, choice: Tensor, late: tuple[Tensor, _Tried] | None) -> Tensor:
        """Append alternative ``choice`` [B] of ``tried``, or the only one of ``late`` to the texts that this names."""
        picked = [each[tried.rows, :, choice] for each in (*tried.keys, *tried.values)]
        states = tried.states[tried.rows, choice]
        if late is not None:
            rows, other = late
            for to, states_of_late in zip(picked, (*other.keys, *other.values), strict=True):
                to[rows] = states_of_late[:, :, 0]
            states[rows] = other.states[:, 0]
        blocks = len(tried.keys)
        for offset in range(blocks):
            keys, values = picked[offset].unsqueeze(2), picked[blocks + offset].unsqueeze(2)
            self._cache.update(keys, values, self._cache.first + offset)
        self._cache.advance(1)
        self._tried = None
        return states

    def select(self, rows: Tensor) -> None:
        """Keep the texts ``rows`` [B'] in this order, repeated (beams) or dropped (finished); tried ones follow."""
        self._cache.select(rows)
        if self._tried is not None:
            last = self._tried
            self._tried = _Tried(last.ids, last.keys, last.values, last.states, last.rows[rows])
        self.rows = int(rows.shape[0])

    def extend(self, other: PrefixTree) -> None:
        """Take the equally long prefixes of another tree of the same part in, after the own ones.

        ``prefix_states`` stay those that this tree began with.
        """
        self._cache.extend(other._cache)
        self._tried = None
        self.rows += other.rows

    def fork(self, rows: Tensor) -> PrefixTree:
        """A tree on the prefixes ``rows`` [B'] alone; nothing is computed again, and this one stays as it is.

        It holds no ``prefix_states``: those of this tree are the ones it began with, whatever was selected since.
        """
        other = copy(self)
        other._cache = self._cache.copy()
        other._cache.select(rows)
        other._tried = None
        other.prefix_states = self.prefix_states[:0]
        other.rows = int(rows.shape[0])
        return other

    def _step(self, hidden: Tensor, positions: Tensor, probe: _Probe) -> Step:
        part, count = self._part, hidden.shape[1]
        if not part.spec.alibi:
            return Step(cache=probe, rope=part.rope(hidden, positions), branch=probe)
        # Blocks with linear biases do their own attention: give them the siblings, and hide these by a mask.
        before = torch.arange(self.length, device=hidden.device).unsqueeze(0)
        bias = part.alibi(torch.cat((before, positions), dim=1), hidden)
        mask = torch.full((count, count), torch.finfo(hidden.dtype).min, device=hidden.device, dtype=hidden.dtype)
        mask = torch.cat((mask.new_zeros(count, self.length), mask.fill_diagonal_(0.0)), dim=1)
        return Step(cache=probe, mask=mask.view(1, 1, count, -1), alibi=bias)
