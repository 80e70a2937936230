"""Network of the GRU inverter, and its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from torch.nn.utils.rnn import pad_sequence

from attacks.toolkit.ridge import Linear

__all__ = ["GruReader", "Schedule", "Send", "train_reader"]

Send = Callable[[Tensor], Tensor]
"""Clean states ``[T, d]`` to one fresh draw of the messages ``[T, e]`` they would cause."""


@dataclass(frozen=True)
class Schedule:
    """Length and material of the reader's training."""

    epochs: int
    batch: int
    rate: float
    negatives: int
    """Random tokens that compete with those of the batch in each step, in place of the whole vocabulary."""


class GruReader(nn.Module):
    """``messages [B, T, e] -> embedding estimates [B, T, w]``: a GRU beside a linear path.

    The linear path starts as ``start`` and the GRU's output at zero. ``examples [n, e]`` set the input scale,
    ``table [V, w]`` is the public embedding table. Weights are drawn from ``rng``.
    """

    def __init__(self, examples: Tensor, start: Linear, table: Tensor, hidden: int, rng: torch.Generator) -> None:
        super().__init__()
        self.centre, spread = examples.mean(0), examples.std(0)
        self.spread = torch.where(spread > 0, spread, torch.ones_like(spread))
        self.directions = normalize(table.detach(), dim=-1)
        self.gru = nn.GRU(examples.shape[1], hidden, batch_first=True, device="meta").to_empty(device=examples.device)
        self.out = nn.Parameter(torch.zeros(hidden, table.shape[1]))
        unit = table.detach().norm(dim=-1).mean()
        self.weight = nn.Parameter(start.weight * self.spread[:, None] / unit)
        self.bias = nn.Parameter((start.bias + self.centre @ start.weight) / unit)
        self.sharpness = nn.Parameter(torch.tensor(3.0))
        self.to(examples.device)
        with torch.no_grad():
            for weight in self.gru.parameters():
                weight.copy_((torch.rand(weight.shape, generator=rng, device=rng.device) * 2 - 1) / hidden**0.5)

    def forward(self, messages: Tensor) -> Tensor:
        """Embedding estimates, in units of the mean embedding norm."""
        scaled = (messages - self.centre) / self.spread
        states: Tensor = self.gru(scaled)[0]
        return states @ self.out + scaled @ self.weight + self.bias

    def logits(self, estimates: Tensor, tokens: Tensor) -> Tensor:
        """``[..., C]``: scaled cosine of estimates ``[..., w]`` with the embeddings of ``tokens [C]``."""
        cosines = normalize(estimates, dim=-1) @ self.directions[tokens].T
        return cosines * self.sharpness.exp()

    @torch.no_grad()
    def read(self, messages: Tensor, allowed: Tensor) -> Tensor:
        """The likeliest ``allowed [V]`` token of each message of one session ``[T, e]``; returns ``[T]``."""
        scores: Tensor = self(messages[None])[0] @ self.directions.T
        return scores.masked_fill(~allowed, -torch.inf).argmax(-1)


def train_reader(
    reader: GruReader,
    states: Sequence[Tensor],
    ids: Sequence[Tensor],
    send: Send,
    allowed: Tensor,
    schedule: Schedule,
    rng: torch.Generator,
) -> list[float]:
    """Minimise the cross-entropy of the true tokens with Adam; returns the mean loss of every epoch, in nats.

    ``states`` are clean sequences ``[T_i, d]`` and ``ids`` their tokens ``[T_i]``; every epoch sends them afresh.
    """
    optimiser = torch.optim.Adam(reader.parameters(), lr=schedule.rate)
    losses = []
    for _ in range(schedule.epochs):
        total = 0.0
        for chosen in torch.split(torch.randperm(len(states), generator=rng, device=rng.device), schedule.batch):
            rows = chosen.tolist()
            messages = pad_sequence([send(states[row]) for row in rows], batch_first=True)
            loss = _loss(reader, messages, [ids[row] for row in rows], _some(allowed, schedule.negatives, rng))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(states))
    return losses


def _loss(reader: GruReader, messages: Tensor, ids: Sequence[Tensor], negatives: Tensor) -> Tensor:
    real = pad_sequence([torch.ones_like(one, dtype=torch.bool) for one in ids], batch_first=True)
    truth = torch.cat(list(ids))
    tokens = torch.unique(torch.cat([truth, negatives]))
    logits = reader.logits(reader(messages)[real], tokens)
    return cross_entropy(logits, torch.searchsorted(tokens, truth))


def _some(allowed: Tensor, count: int, rng: torch.Generator) -> Tensor:
    ordinary = allowed.nonzero().squeeze(1)
    chosen = torch.randint(len(ordinary), (count,), generator=rng, device=rng.device)
    return ordinary[chosen.to(ordinary.device)]
