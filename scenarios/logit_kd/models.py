"""The clients' models: heads on a frozen public encoder, and a small transformer trained from scratch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["SCRATCH", "Scratch", "hashed_ids", "load_state", "make_model", "state"]

SCRATCH = "scratch"
HIDDEN = 64
BUCKETS = 1024
"""Words share this many embeddings, by hash; row 0 stands for no word."""


def make_model(kind: str, dimensions: int, classes: int, hidden: int = HIDDEN) -> nn.Module:
    """A model of texts: ``[n, dimensions]`` embeddings -> ``[n, classes]`` logits; ``scratch`` takes word numbers
    ``[n, T]`` instead.
    """
    if kind == SCRATCH:
        return Scratch(classes)
    if kind == "mlp":
        return nn.Sequential(nn.Linear(dimensions, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    return nn.Linear(dimensions, classes)


class Scratch(nn.Module):
    """One block of single-head self-attention and an MLP over hashed words, mean-pooled: ``[n, T]`` -> ``[n, C]``.

    Built of plain layers, so that per-sample gradients are known.
    """

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(BUCKETS, width, padding_idx=0)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.mix = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Class scores; rows of zeros only (no words) get those of the biases."""
        x, known = self.words(ids), ids.ne(0)
        scores = self.query(x) @ self.key(x).transpose(1, 2) / x.shape[-1] ** 0.5
        weights = scores.masked_fill(~known[:, None], -1e9).softmax(-1)
        x = x + weights @ self.value(x)
        x = x + self.mix(x)
        pooled = (x * known[..., None]).sum(1) / known.sum(1, keepdim=True).clamp_min(1)
        logits: Tensor = self.head(pooled)
        return logits


def hashed_ids(texts: Sequence[str], limit: int) -> Tensor:
    """Word numbers ``[n, limit]`` of lower-case words, 0 where a text is shorter."""
    rows = torch.zeros(len(texts), limit, dtype=torch.long)
    for row, text in zip(rows, texts, strict=True):
        numbers = [_bucket(word) for word in text.lower().split()[:limit]]
        row[: len(numbers)] = torch.tensor(numbers, dtype=torch.long)
    return rows


def _bucket(word: str) -> int:
    return 1 + int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % (BUCKETS - 1)


def state(model: nn.Module) -> dict[str, Any]:
    """A copy of the parameters by names that messages allow."""
    return {name.replace(".", "_"): value.detach().clone() for name, value in model.named_parameters()}


def load_state(model: nn.Module, values: dict[str, Any]) -> None:
    """Set the parameters of :func:`state`."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(values[name.replace(".", "_")])
