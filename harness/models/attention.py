"""Attention and masks: one dense kernel call for all families, and one for many alternatives of a next token."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

__all__ = ["NAME", "Prefix", "alibi_slopes", "attend", "causal_mask", "fan", "padding_mask"]

NAME = "leakboard"


class Prefix(Protocol):
    """The keys and values that all alternatives of one text share, for ``fan``."""

    def shared(self, layer_idx: int) -> tuple[Tensor, Tensor] | None:
        """Prefix keys and values [B, kv_heads, P, head_dim] of a block; None for an empty prefix."""


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    branch: Prefix | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention in the form that transformers' blocks call; query [B, heads, T, d], returns [B, T, heads, d]."""
    if branch is not None:
        # Attributes of a module are declared as tensors or modules; transformers sets a number here.
        shared = branch.shared(int(module.layer_idx))  # type: ignore[arg-type]
        return fan(query, key, value, shared, scaling).transpose(1, 2), None
    out = scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attention_mask,
        dropout_p=dropout,
        is_causal=bool(module.is_causal) and attention_mask is None and query.shape[2] > 1,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out.transpose(1, 2), None


def fan(
    query: Tensor, key: Tensor, value: Tensor, shared: tuple[Tensor, Tensor] | None, scaling: float | None
) -> Tensor:
    """Each of K alternatives attends to the shared prefix and to itself, never to its siblings.

    query [B, heads, K, d]; key, value [B, kv_heads, K, d]; shared: two [B, kv_heads, P, d] or None.
    Cost grows with K * P, where a masked dense call would pay K * (P + K). Returns [B, heads, K, d].
    """
    batch, heads, count, width = query.shape
    grouped = query.view(batch, key.shape[1], heads // key.shape[1], count, width)
    grouped = grouped * (width**-0.5 if scaling is None else scaling)
    if shared is None:
        return value.repeat_interleave(heads // key.shape[1], dim=1)
    own = (grouped * key.unsqueeze(2)).sum(-1, keepdim=True)
    past = grouped.flatten(2, 3) @ shared[0].transpose(-1, -2)
    scores = torch.cat((past.view(*own.shape[:-1], -1), own), dim=-1)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    mixed = (weights[..., :-1].flatten(2, 3) @ shared[1]).view_as(grouped)
    return (mixed + weights[..., -1:] * value.unsqueeze(2)).view(batch, heads, count, width)


def causal_mask(
    new: int, total: int, padding: Tensor | None, window: int | None, device: torch.device
) -> Tensor | None:
    """Mask of the ``total`` keys that each of the last ``new`` queries sees: bool [B or 1, 1, new, total], True = sees.

    padding [B, total] is True on real tokens; window: a query sees this many latest keys, itself included. None where
    the kernel needs no mask. Every query sees itself, so that padded rows stay finite.
    """
    narrow = window is not None and window < total
    if padding is None and not narrow and new in (1, total):
        return None
    query = torch.arange(total - new, total, device=device)[:, None]
    key = torch.arange(total, device=device)[None, :]
    seen = key <= query
    if narrow and window is not None:
        seen = seen & (key > query - window)
    if padding is not None:
        seen = (seen & padding[:, None, :].bool()) | (key == query)
    return seen.view(-1, 1, new, total)


def padding_mask(padding: Tensor | None) -> Tensor | None:
    """The bidirectional mask of an encoder: bool [B, 1, T, T] from padding [B, T] (True = real token)."""
    if padding is None:
        return None
    real = padding.bool()
    itself = torch.eye(real.shape[1], dtype=torch.bool, device=real.device)
    return (real[:, None, :] | itself).unsqueeze(1)


def alibi_slopes(heads: int) -> Tensor:
    """Head slopes [heads] of attention with linear biases (Press, Smith and Lewis 2022, section 3).

    For 2^k heads the geometric series 2^(-8/n), 2^(-16/n), ...; otherwise the series of the next lower power of two,
    filled up with every second term of the series of the next higher one.
    """
    lower = 1 << (heads.bit_length() - 1)
    slopes = [2.0 ** (-8.0 * (i + 1) / lower) for i in range(lower)]
    slopes += [2.0 ** (-4.0 * (2 * i + 1) / lower) for i in range(heads - lower)]
    return torch.tensor(slopes, dtype=torch.float32)
