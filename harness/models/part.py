"""A consecutive part of a transformer: blocks start .. stop, with embeddings before or norm and head after them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import ModelError
from harness.models.attention import alibi_slopes, causal_mask, padding_mask
from harness.models.families import Family, Step, window
from harness.models.kvcache import KVCache

__all__ = ["Part"]


class Part(nn.Module):
    """Blocks ``start .. stop - 1`` of a model; parts made by ``load_part`` chain into the whole model.

    Has the embeddings if ``start == 0`` (unless left out), the final norm if ``is_final``, the language-model
    head if ``head`` is not None.
    Its parameters are named ``embedding.*``, ``blocks.<i>.*`` (i counts from ``start``), ``final.*``, ``head.*``.
    Attention backward passes run once; for a gradient of a gradient, wrap the calls in
    ``torch.nn.attention.sdpa_kernel(SDPBackend.MATH)``.
    """

    def __init__(
        self,
        family: Family,
        config: Any,
        span: tuple[int, int, bool],
        modules: dict[str, Any],
        rotary: nn.Module | None,
    ) -> None:
        super().__init__()
        self.start, self.stop, self.is_final = span
        self.spec = family
        self.family = family.name
        self.causal = family.causal
        self.config = config
        self.depth = int(config.num_hidden_layers)
        self.hidden_size = int(config.hidden_size)
        self.vocab_size = int(config.vocab_size)
        self.embedding = nn.ModuleDict(modules["embedding"])
        self.blocks = nn.ModuleList(modules["blocks"])
        self.final = nn.ModuleDict(modules["final"])
        self.head: nn.Module | None = modules["head"]
        self.rotary = rotary
        self.eval()

    @property
    def embed_table(self) -> Tensor:
        """Token embedding matrix [V, d] of a part that starts at 0; ModelError elsewhere."""
        if not len(self.embedding):
            raise ModelError(f"part {self.start}..{self.stop} has no embeddings; only a part from block 0 has")
        weight = self.embedding.get_submodule(self.spec.table).weight
        assert isinstance(weight, Tensor)
        return weight

    @property
    def device(self) -> torch.device:
        """The device of the parameters; the CPU for a part without any."""
        return next((one.device for one in self.parameters()), torch.device("cpu"))

    @property
    def max_tokens(self) -> int | None:
        """Longest text that the learned position embeddings reach; None for rotary and linear-bias families."""
        if self.spec.rope or self.spec.alibi:
            return None
        used = int(self.config.pad_token_id) + 1 if self.family == "roberta" else 0
        return int(self.config.max_position_embeddings) - used

    def new_cache(self) -> KVCache | None:
        """An empty key/value cache of this part's blocks; None for encoders, which have no next token."""
        return KVCache(self.start, len(self.blocks)) if self.causal else None

    def forward(
        self,
        x: Tensor,
        cache: KVCache | None = None,
        *,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """Run the part on T new positions.

        x: token ids [B, T], or token embeddings [B, T, d] (added to positions as looked-up ones are), for a part with
        embeddings; hidden states [B, T, d] otherwise. cache: this part's, grown by T. mask: [B, cached + T], True or
        1 on real tokens. positions: [B or 1, T]; by default they count on from the cache, over real tokens alone where
        a mask is given. Returns hidden states [B, T, d], or logits [B, T, V] where the part has the head.
        """
        past = 0 if cache is None else cache.length
        total = past + x.shape[1]
        self._check(x, cache, mask, positions, total)
        padding = None if mask is None else mask.to(self.device).bool()
        if positions is None:
            positions = self._positions(padding, past, total)
        hidden = self.embed(x, positions)
        out = self.run(hidden, positions, padding, past, cache)
        if cache is not None:
            cache.advance(x.shape[1])
        return self.finish(out)

    def embed(self, x: Tensor, positions: Tensor) -> Tensor:
        """Input of the first block: [B, T, d] from ids or token embeddings; the identity without embeddings."""
        if not len(self.embedding):
            return x
        tokens = x if x.is_floating_point() else self.embedding.get_submodule(self.spec.table)(x)
        return self.spec.embed(self.embedding, tokens, positions)

    def run(
        self, hidden: Tensor, positions: Tensor, padding: Tensor | None, past: int, cache: KVCache | None
    ) -> Tensor:
        """The blocks alone, on hidden states [B, T, d]."""
        total = past + hidden.shape[1]
        alibi = None
        if self.spec.alibi:
            alibi = self.alibi(self._positions(padding, 0, total), hidden)
        rope = self.rope(hidden, positions)
        for offset, block in enumerate(self.blocks):
            seen = self._mask(self.start + offset, hidden.shape[1], total, padding, hidden)
            hidden = self.spec.run(block, hidden, Step(cache=cache, mask=seen, rope=rope, alibi=alibi))
        return hidden

    def finish(self, hidden: Tensor) -> Tensor:
        """Final norm and head, as far as this part has them."""
        for module in self.final.values():
            hidden = module(hidden)
        return hidden if self.head is None else self.head(hidden)

    def rope(self, hidden: Tensor, positions: Tensor) -> tuple[Tensor, Tensor] | None:
        """Cosines and sines of the rotary embedding at ``positions``; None for families without."""
        return None if self.rotary is None else self.rotary(hidden, positions)

    def alibi(self, keys: Tensor, hidden: Tensor) -> Tensor:
        """Linear biases [B * heads, 1, total] for keys at positions ``keys`` [B or 1, total]."""
        slopes = alibi_slopes(int(self.config.num_attention_heads)).to(hidden.device)
        bias = slopes[None, :, None] * keys.expand(hidden.shape[0], -1)[:, None, :]
        return bias.flatten(0, 1).unsqueeze(1).to(hidden.dtype)

    def flops(self, new_tokens: int, context: int = 0) -> int:
        """Forward FLOPs (2 per multiply-add of a matrix product) for one text; see ``harness.models.flops``."""
        from harness.models.flops import part_flops

        return part_flops(self, self.config, len(self.blocks), new_tokens, context)

    def _mask(self, block: int, new: int, total: int, padding: Tensor | None, like: Tensor) -> Tensor | None:
        if not self.causal:
            return padding_mask(padding)
        seen = causal_mask(new, total, padding, window(self.config, block), like.device)
        if not self.spec.alibi:
            return seen
        if seen is None:  # the linear-bias blocks have no causal flag of their own
            seen = torch.ones(new, total, dtype=torch.bool, device=like.device).tril(total - new)
        bias = torch.zeros(seen.shape, dtype=like.dtype, device=like.device)
        return bias.masked_fill(~seen, torch.finfo(like.dtype).min)

    def _positions(self, padding: Tensor | None, past: int, total: int) -> Tensor:
        if padding is None:
            return torch.arange(past, total, device=self.device).unsqueeze(0)
        return (padding.long().cumsum(-1) - 1).clamp_min(0)[:, past:total]

    def _check(
        self, x: Tensor, cache: KVCache | None, mask: Tensor | None, positions: Tensor | None, total: int
    ) -> None:
        problems = []
        if not x.is_floating_point() and not len(self.embedding):
            problems.append(f"token ids given to part {self.start}..{self.stop}, which has no embeddings")
        if x.ndim != (3 if x.is_floating_point() else 2):
            problems.append(f"input of shape {tuple(x.shape)}; ids are [B, T], embeddings and states [B, T, d]")
        if cache is not None and not self.causal:
            problems.append(f"a cache given to a {self.family} encoder")
        if cache is not None and (cache.first, len(cache.keys)) != (self.start, len(self.blocks)):
            problems.append("a cache of another part")
        if self.max_tokens is not None and total > self.max_tokens:
            problems.append(f"{total} tokens; the position embeddings of this model reach {self.max_tokens}")
        if mask is not None and tuple(mask.shape) != (x.shape[0], total):
            problems.append(f"mask of shape {tuple(mask.shape)}, expected {(x.shape[0], total)}")
        if positions is not None and self.spec.alibi:
            problems.append(f"positions given to {self.family}, whose linear biases follow the mask alone")
        if problems:
            raise ModelError("; ".join(problems))
