"""The search behind relaxed optimisation: a matching problem, gradient descent on embeddings, discrete refinement."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu

from attacks.embedding_inversion.channel import Channel
from harness.attack import Part

__all__ = ["Problem", "Search", "candidates", "descend", "refine"]

EXACT = 1e-4
"""Mean squared whitened distance below which an undefended message counts as explained."""


@dataclass(frozen=True)
class Search:
    """Budget of one search: Adam ``steps`` at ``rate``, weight of the range ``penalty``, tokens tried, sweeps."""

    steps: int
    rate: float
    penalty: float
    tokens: int
    sweeps: int


@dataclass(frozen=True)
class Problem:
    """Texts of equal length whose messages are to be explained.

    ``messages [B, L, e]`` are those of all positions that depend on the private text (``L = 1`` if ``pooled``),
    the first of them at position ``first``. Without a channel the messages are taken for the states.
    """

    part: Part
    table: Tensor
    """Embedding table ``[V, w]``."""
    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    messages: Tensor
    spread: Tensor
    """Whitening ``[e]``."""
    pooled: bool = False
    first: int = 0
    channel: Channel | None = None

    def rows(self, chosen: Tensor) -> Problem:
        """The texts that ``chosen [B]`` marks."""
        return replace(self, messages=self.messages[chosen])

    @property
    def enough(self) -> float:
        """Mismatch of a text at which there is nothing left to explain; under noise, never."""
        if self.channel is None:
            return EXACT
        return -torch.inf if self.channel.noisy else max(self.channel.tolerance**2, 1e-7)

    def outputs(self, x: Tensor) -> Tensor:
        """What the public part makes of texts ``x [N, T]`` (ids) or ``[N, T, w]`` (embeddings): ``[N, L, d]``."""
        inner = x if x.is_floating_point() else self.table[x]
        around = [
            self.table[torch.tensor(ids, dtype=torch.long, device=x.device)] for ids in (self.prefix, self.suffix)
        ]
        before, after = (rows.expand(len(x), -1, -1) for rows in around)
        states: Tensor = self.part(torch.cat([before, inner, after], 1))
        if self.pooled:
            return normalize(states.mean(1, keepdim=True), dim=-1)
        return states[:, self.first :]

    def mismatch(self, states: Tensor) -> Tensor:
        """``[B, K]``: how badly the alternatives ``states [B, K, L, d]`` explain the messages.

        Mean squared whitened residual, or under noise the negative log-likelihood per coordinate.
        """
        if self.channel is None:
            left = (states - self.messages[:, None, :, : states.shape[-1]]) / self.spread
            return left.square().mean((-1, -2))
        plain, length = states.transpose(1, 2), self.messages.shape[1]
        position = torch.arange(self.first, self.first + length, device=states.device).expand(len(states), -1)
        if self.channel.noisy:
            likely = self.channel.log_density(self.messages, plain, position)
            return -likely.mean(1) / self.messages.shape[-1]
        left, _ = self.channel.residual(self.messages, plain, position)
        return (left / self.spread).square().mean(-1).mean(1)

    @torch.no_grad()
    def judge(self, ids: Tensor) -> Tensor:
        """Mismatch ``[B, K]`` of alternative texts ``ids [B, K, T]``, or ``[B]`` of ``[B, T]``."""
        if ids.dim() == 2:
            return self.judge(ids[:, None]).squeeze(1)
        states = self.outputs(ids.flatten(0, 1))
        return self.mismatch(states.view(*ids.shape[:2], *states.shape[1:]))


def descend(problem: Problem, start: Tensor, search: Search) -> Tensor:
    """Embeddings ``[B, T, w]`` of least mismatch near ``start``, by Adam with a rate falling to zero.

    A penalty keeps every coordinate within the range that the embedding table has in it.
    """
    low, high = problem.table.amin(0), problem.table.amax(0)
    free = start.detach().clone().requires_grad_(True)
    optimiser = torch.optim.Adam([free], lr=search.rate)
    for step in range(search.steps):
        optimiser.param_groups[0]["lr"] = search.rate * (1 - step / search.steps) ** 0.5
        outside = (relu(free - high) + relu(low - free)).sum()
        loss = problem.mismatch(problem.outputs(free)[:, None]).sum() + search.penalty * outside
        (free.grad,) = torch.autograd.grad(loss, free)
        optimiser.step()
    return free.detach()


def candidates(estimates: Tensor, table: Tensor, allowed: Tensor, count: int) -> Tensor:
    """The ``count`` ordinary tokens with the smallest angle to each of ``estimates [..., w]``, best first."""
    cosines = estimates @ normalize(table, dim=-1).T
    return cosines.masked_fill(~allowed, -torch.inf).topk(min(count, int(allowed.sum())), dim=-1).indices


@torch.no_grad()
def refine(problem: Problem, ids: Tensor, options: Tensor, sweeps: int) -> tuple[Tensor, Tensor]:
    """Coordinate descent over tokens: at each position in turn the best of ``options [B, T, K]``.

    Starts from ``ids [B, T]``; ends after ``sweeps`` or when nothing changes. Texts that are explained are
    left alone. Returns the tokens and their mismatch ``[B]``, which never grows.
    """
    ids, best = ids.clone(), problem.judge(ids)
    for _ in range(sweeps):
        before = best.clone()
        for position in range(ids.shape[1]):
            open_ = best > problem.enough
            if not bool(open_.any()):
                return ids, best
            ids[open_], best[open_] = _improve(
                problem.rows(open_), ids[open_], options[open_, position], position, best[open_]
            )
        if torch.equal(before, best):
            break
    return ids, best


def _improve(problem: Problem, ids: Tensor, tokens: Tensor, position: int, best: Tensor) -> tuple[Tensor, Tensor]:
    """The best of ``tokens [B, K]`` at ``position``, where better than ``best [B]``."""
    tried = ids[:, None].expand(-1, tokens.shape[1], -1).clone()
    tried[:, :, position] = tokens
    least, index = problem.judge(tried).min(1)
    chosen = tried[torch.arange(len(ids), device=ids.device), index]
    better = least < best
    return torch.where(better[:, None], chosen, ids), torch.where(better, least, best)
