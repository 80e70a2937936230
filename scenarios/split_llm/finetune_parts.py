"""Trainable copies of model parts, and batches of texts of different lengths as rows one after another.

LoRA: Hu et al. (2022), section 4.1, by way of peft, on every linear layer of the blocks.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor, nn

from harness.scenario import Part

__all__ = ["class_head", "padded", "pooled", "rows_of", "trainable", "word_head"]

SCALE = 2
"""Factor of the adapters' product in a layer: alpha over rank."""


def trainable(part: Part, rank: int, generator: torch.Generator) -> nn.Module:
    """A copy of a part to train: all its blocks' weights for ``rank`` 0, or adapters of that rank alone.

    Embeddings stay as they are. Adapters start at zero effect, their draws are from ``generator``; the frozen weights
    stay the original's own in memory.
    """
    if rank == 0:
        whole = copy.deepcopy(part).requires_grad_(False)
        whole.blocks.requires_grad_(True)
        return whole
    from peft import LoraConfig, inject_adapter_in_model

    shared = [*part.parameters(), *part.buffers()]
    copied = copy.deepcopy(part, {id(tensor): tensor for tensor in shared}).requires_grad_(False)
    names = [f"blocks.{name}" for name, module in copied.blocks.named_modules() if _is_linear(module)]
    if not names:
        return copied
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules=names, lora_dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        adapted: nn.Module = inject_adapter_in_model(config, copied)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_A" in name:
                weight.copy_((2 * torch.rand(weight.shape, generator=generator) - 1) / sqrt(weight.shape[1]))
    return adapted


def class_head(width: int, classes: int, generator: torch.Generator) -> nn.Linear:
    """Class scores of a pooled state, drawn from ``generator``."""
    head = nn.Linear(width, classes)
    with torch.no_grad():
        head.weight.copy_((2 * torch.rand(head.weight.shape, generator=generator) - 1) / sqrt(width))
        head.bias.zero_()
    return head


def word_head(table: Tensor, words: Sequence[int]) -> nn.Linear:
    """Class scores that begin as those of one word for each class: rows of the token embeddings ``table`` [V, d], which
    a language model that ties them scores the next word by, less their mean, of norm 1.
    """
    rows = table[list(words)].detach()
    rows = nn.functional.normalize(rows - rows.mean(0), dim=-1)
    head = nn.Linear(rows.shape[1], len(rows))
    with torch.no_grad():
        head.weight.copy_(rows)
        head.bias.zero_()
    return head


def padded(rows: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Rows [n, ...] of several texts as a batch [B, T, ...] padded on the right, and its mask [B, T]."""
    batch = nn.utils.rnn.pad_sequence(list(torch.split(rows, list(lengths))), batch_first=True)
    mask = torch.arange(batch.shape[1])[None] < torch.tensor(list(lengths))[:, None]
    return batch, mask


def rows_of(batch: Tensor, mask: Tensor) -> Tensor:
    """The rows [n, ...] of a padded batch [B, T, ...]."""
    return batch[mask]


def pooled(batch: Tensor, mask: Tensor, causal: bool) -> Tensor:
    """One state [B, d] for each text of a padded batch: the last of a causal model, the mean of an encoder; of mean
    square 1, so that a class head begins alike on every model.
    """
    if causal:
        chosen: Tensor = batch[torch.arange(len(batch)), mask.sum(1) - 1]
    else:
        weights = mask[..., None].to(batch)
        chosen = (batch * weights).sum(1) / weights.sum(1)
    return nn.functional.rms_norm(chosen, (chosen.shape[-1],), eps=1e-6)


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
