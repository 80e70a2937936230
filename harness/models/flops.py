"""Forward FLOPs of a part, counted from its shapes: 2 per multiply-add of every matrix product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from harness.errors import ModelError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["part_flops", "projection_flops"]


def part_flops(modules: nn.Module, config: PretrainedConfig, blocks: int, new_tokens: int, context: int) -> int:
    """FLOPs of one text's forward pass over ``new_tokens`` positions after ``context`` cached ones.

    Projections cost 2 * weights per token; attention costs 4 * new * (context + new) * heads * head_dim per block
    (scores and mixing, masked entries included, as dense kernels compute them). Norms, activations and embedding
    look-ups are not counted.
    """
    if new_tokens < 0 or context < 0:
        raise ModelError(f"FLOPs of {new_tokens} new and {context} cached tokens; both must be at least 0")
    heads = int(config.num_attention_heads)
    head_dim = int(getattr(config, "head_dim", None) or int(config.hidden_size) // heads)
    attention = 4 * new_tokens * (context + new_tokens) * heads * head_dim
    return new_tokens * projection_flops(modules) + blocks * attention


def projection_flops(modules: nn.Module) -> int:
    """FLOPs per token of all linear layers of a part, its head included."""
    return sum(2 * weight.numel() for weight in _matrices(modules))


def _matrices(modules: nn.Module) -> list[nn.Parameter]:
    weights = []
    for module in modules.modules():
        weight = module._parameters.get("weight")
        if weight is not None and weight.ndim == 2 and not isinstance(module, nn.Embedding):
            weights.append(weight)
    return weights
