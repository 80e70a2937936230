"""The linear layers of each family's attention, and the gradients by which they give texts away.

Of a linear layer y = W x, dL/dW is the sum of outer products of dL/dy and x over all tokens of the batch, so its rows
lie in the span of the layer's inputs (Petrov et al. 2024, "DAGER", section 4; Balunovic et al. 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["ATTENTION", "AttentionLayers", "input_rows", "output_rows"]


@dataclass(frozen=True)
class AttentionLayers:
    """Names of modules inside a block."""

    norm: str
    """What the block's input goes through before the linear layers; empty: nothing."""
    inputs: tuple[str, ...]
    """Linear layers that read it: query, key and value."""
    output: str
    """The linear layer that reads the context vectors."""
    rest: tuple[str, ...]
    """Modules of the feed-forward half."""
    transposed: bool = False
    """Weights are [inputs, outputs]."""


_LLAMA = AttentionLayers(
    "input_layernorm",
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attn.o_proj",
    ("mlp",),
)
_BERT = AttentionLayers(
    "",
    ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attention.output.dense",
    ("intermediate", "output"),
)

ATTENTION: Mapping[str, AttentionLayers] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "glm": _LLAMA,
    "gpt2": AttentionLayers("ln_1", ("attn.c_attn",), "attn.c_proj", ("mlp",), transposed=True),
    "bloom": AttentionLayers("input_layernorm", ("self_attention.query_key_value",), "self_attention.dense", ("mlp",)),
    "opt": AttentionLayers(
        "self_attn_layer_norm",
        ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "self_attn.out_proj",
        ("fc1", "fc2"),
    ),
    "bert": _BERT,
    "roberta": _BERT,
}
"""Family -> its layers."""


def input_rows(values: Mapping[str, Tensor], block: int, layers: AttentionLayers) -> Tensor | None:
    """Gradients of everything that reads a block's normalised input, stacked: [n, d], rows in the span of these inputs;
    None where the message holds none.
    """
    return _stacked([_rows(values, block, name, layers.transposed) for name in layers.inputs])


def output_rows(values: Mapping[str, Tensor], block: int, layers: AttentionLayers) -> Tensor | None:
    """The same of what reads a block's context vectors."""
    return _stacked([_rows(values, block, layers.output, layers.transposed)])


def _rows(values: Mapping[str, Tensor], block: int, name: str, transposed: bool) -> Tensor | None:
    """The gradient of a layer's weight or, where it has an adapter B A, that of A [r, d]."""
    full = f"part.blocks.{block}.{name}"
    if (adapter := values.get(f"{full}.lora_A.default.weight")) is not None:
        return adapter
    weight = values.get(f"{full}.weight")
    return weight.T if weight is not None and transposed else weight


def _stacked(rows: list[Tensor | None]) -> Tensor | None:
    known = [one.double() for one in rows if one is not None and bool(one.any())]
    return torch.cat(known) if known else None


def submodule(block: nn.Module, name: str) -> nn.Module:
    """A module of a block by its dotted name; the block itself's identity for an empty one."""
    return block.get_submodule(name) if name else nn.Identity()
