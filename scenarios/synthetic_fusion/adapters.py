"""Low-rank adapters of a generator, fine-tuned on a party's private text.

LoRA: Hu et al. (2022), section 4.1, by way of peft; the frozen weights stay shared between parties in memory.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from harness.scenario import ProtocolError, Tokens

__all__ = ["IGNORED", "SCALE", "adapted", "adapter_weights", "next_token_loss", "training_rows", "with_weights"]

LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
"""Layers that get adapters: all projections of attention and of the feed-forward part."""

SCALE = 2
"""Factor of the adapters' product in a layer: alpha over rank."""

IGNORED = -100
"""Target of positions that are not learned: prompt and padding."""


def adapted(part: nn.Module, rank: int, generator: torch.Generator) -> nn.Module:
    """A copy of a causal part whose only trainable parameters are adapters of the attention and feed-forward
    projections (:data:`LAYERS`).

    All other tensors are the original's own. Adapters start at zero effect; their draws are from ``generator``.
    """
    from peft import LoraConfig, inject_adapter_in_model

    shared = [*part.parameters(), *part.buffers()]
    copied = copy.deepcopy(part, {id(tensor): tensor for tensor in shared}).requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules=LAYERS, lora_dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        tuned: nn.Module = inject_adapter_in_model(config, copied)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_A" in name:
                bound = 1 / sqrt(weight.shape[1])
                weight.copy_((2 * torch.rand(weight.shape, generator=generator) - 1) * bound)
    return tuned


def adapter_weights(part: nn.Module) -> dict[str, Tensor]:
    """The adapters alone, under the names peft saves them by: ``blocks.0.self_attn.q_proj.lora_A.weight``, ..."""
    from peft import get_peft_model_state_dict

    weights: dict[str, Tensor] = get_peft_model_state_dict(part)
    return weights


def with_weights(part: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """``part``, which :func:`adapted` made, with other adapters.

    Raises:
        ProtocolError: names or shapes are not those of its adapters.
    """
    from peft import set_peft_model_state_dict

    shapes = {name: list(tensor.shape) for name, tensor in adapter_weights(part).items()}
    if {name: list(tensor.shape) for name, tensor in weights.items()} != shapes:
        raise ProtocolError(f"adapters that do not fit: {len(weights)} tensors, {len(shapes)} of the agreed rank asked")
    set_peft_model_state_dict(part, dict(weights))
    return part


def training_rows(tokens: Tokens, pairs: list[tuple[str, str]], max_tokens: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets [n, T] of (prompt, text) pairs: the text and the end of its line are learned.

    Padded on the right, where a causal model does not see it.
    """
    end = tokens.encode("\n")
    rows, goals = [], []
    for prompt, text in pairs:
        start = [*tokens.prefix, *tokens.encode(prompt)]
        body = [*tokens.encode(" " + text)[:max_tokens], *end]
        rows.append([*start, *body])
        goals.append([*[IGNORED] * (len(start) - 1), *body, IGNORED])
    width = max(map(len, rows), default=1)
    pad = end[:1] or [0]
    ids = torch.tensor([row + pad * (width - len(row)) for row in rows])
    targets = torch.tensor([goal + [IGNORED] * (width - len(goal)) for goal in goals])
    return ids, targets


def next_token_loss(model: Any, batch: tuple[Tensor, ...]) -> Tensor:
    """Mean over texts of the mean next-token loss of a text's learned positions: each record counts once."""
    ids, targets = batch
    logits = model(ids).flatten(0, 1)
    losses = nn.functional.cross_entropy(logits, targets.flatten(), ignore_index=IGNORED, reduction="none")
    learned = (targets != IGNORED).sum(1).clamp_min(1)
    return (losses.view(targets.shape).sum(1) / learned).mean()
