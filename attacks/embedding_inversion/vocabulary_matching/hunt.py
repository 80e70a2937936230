"""Search for one position's token, for many texts at once: cheap guesses first, exhaustion last."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.embedding_inversion.vocabulary_matching.candidates import Decoder
from attacks.embedding_inversion.vocabulary_matching.prior import LanguagePrior
from attacks.toolkit.defense_channel.channel import Channel
from harness.attack import Part, PrefixTree

__all__ = ["FAN", "Effort", "Hunt", "Problem", "exhaust", "refine", "widen"]

FAN = 4096
"""Alternatives (over all texts) in one forward pass: enough for full speed, few enough for memory."""
CHUNK = 256
"""Alternatives of one text that are scanned at a time."""


@dataclass(frozen=True)
class Problem:
    """Knowledge of a search: the public part, the law of messages, and the plausibility of tokens."""

    part: Part
    channel: Channel
    decoder: Decoder
    log_frequency: Tensor
    """``[V]``; minus infinity marks tokens that cannot occur."""
    tolerance: float
    """Whitened distance below which a token is taken to fit."""
    whole: Part | None = None
    """The public model with its head, for the language-model prior; None: frequencies alone."""


@dataclass(frozen=True)
class Effort:
    """Effort to spend where nothing fits yet."""

    first: int = 16
    """Candidates tried at every position."""
    wide: int = 64
    """Candidates after the first widening; four times as many once the language model has ranked them too."""
    screened: int = 1024
    """Candidates in order of plausibility before the soft search, which costs more than these."""
    steps: int = 40
    """Adam steps on a soft embedding; every tenth, the tokens nearest to it are tried."""
    near: int = 32
    rate: float = 0.15
    """Step size in units of the embedding table's root mean square."""
    scan: int | None = None
    """Tokens tried at last, most plausible first; None: the whole vocabulary, 0: none."""


class Hunt:
    """Best token so far for each of ``N`` texts, and the texts still ``open`` (rows of ``tree``)."""

    def __init__(self, problem: Problem, tree: PrefixTree, messages: Tensor, position: int) -> None:
        self.problem, self.tree, self.position = problem, tree, position
        self.messages = messages
        rows = len(messages)
        self.open = torch.arange(rows, device=messages.device)
        self.token = torch.zeros(rows, dtype=torch.long, device=messages.device)
        self.distance = torch.full((rows,), torch.inf, device=messages.device)
        self.rival = torch.full_like(self.token, -1)
        """Another token that fits too (-1: none)."""
        self.tried = 0
        self.scores = problem.decoder.scores(messages, position) + problem.log_frequency
        """Plausibility of every token before its state is known, ``[N, V]``."""
        self.context: dict[int, Tensor] = {}
        """What the text before adds to all tokens' messages, as far as it has been seen, by row."""

    @torch.no_grad()
    def test(self, ids: Tensor) -> None:
        """Try ``ids [open, K]``; several tries may repeat tokens."""
        for some in torch.split(ids, max(1, FAN // max(1, len(ids))), dim=1):
            states = self.tree.try_next(some)
            distances = self.problem.channel.distance(self.messages[self.open], states, self.position)
            self.tried += some.numel()
            self._note(some, distances)
            if (context := self.problem.decoder.context(states, some)) is not None:
                self.context |= dict(zip(self.open.tolist(), context, strict=True))

    def in_context(self) -> Tensor:
        """Plausibility ``[open, V]`` by the messages of the open texts less what their contexts add to all tokens."""
        scores = self.scores[self.open]
        known = [at for at, row in enumerate(self.open.tolist()) if row in self.context]
        if known:
            rows = self.open[known]
            left = self.messages[rows] - torch.stack([self.context[row] for row in rows.tolist()])
            scores[known] = self.problem.decoder.scores(left, self.position) + self.problem.log_frequency
        return scores

    def settle(self) -> bool:
        """Close the texts whose token fits; True when none is open."""
        keep = (self.distance[self.open] > self.problem.tolerance).nonzero().squeeze(1)
        if len(keep) < len(self.open):
            self.open = self.open[keep]
            if len(keep):
                self.tree.select(keep)
        return len(self.open) == 0

    def keep(self, rows: Tensor) -> None:
        """Give up the open texts that ``rows [N]`` does not mark; a tree of the open texts' own follows."""
        left = rows[self.open]
        if not bool(left.all()):
            self.open = self.open[left]
            self.tree.select(left.nonzero().squeeze(1))

    def any_fits(self) -> bool:
        """True once some text's token fits, which shows that the law of the messages holds."""
        return bool((self.distance <= self.problem.tolerance).any())

    def nearest(self) -> Hunt:
        """A hunt for that open text alone whose token comes nearest; what it finds is noted here as well."""
        at = self.distance[self.open].argmin().reshape(1)
        alone = copy(self)
        alone.open, alone.tree = self.open[at], self.tree.fork(at)
        return alone

    def fork(self) -> None:
        """Continue on a tree of its own, for the open texts alone."""
        self.tree = self.tree.fork(self.open)

    def _note(self, ids: Tensor, distances: Tensor) -> None:
        rows = self.open
        both = torch.cat([self.distance[rows, None], distances], 1)
        tokens = torch.cat([self.token[rows, None], ids], 1)
        best = both.argmin(1, keepdim=True)
        self.distance[rows] = both.gather(1, best).squeeze(1)
        self.token[rows] = tokens.gather(1, best).squeeze(1)
        other = both.masked_fill(tokens == self.token[rows, None], torch.inf)
        near = other.argmin(1, keepdim=True)
        fits = (other.gather(1, near) <= self.problem.tolerance).squeeze(1)
        self.rival[rows[fits]] = tokens.gather(1, near).squeeze(1)[fits]


def widen(hunt: Hunt, prefixes: Tensor, effort: Effort) -> bool:
    """Try the ``wide`` most plausible tokens by the message, as the states of those that were tried before make it
    clearer, then more by message and language model together."""
    wide = min(effort.wide, hunt.scores.shape[1])
    if wide > effort.first:
        shifted = hunt.in_context()
        before = hunt.open
        hunt.test(shifted.topk(wide).indices)
        if hunt.settle():
            return True
        shifted = shifted[torch.isin(before, hunt.open)]
        own = hunt.scores[hunt.open]
        hunt.test(own.topk(wide).indices[:, effort.first :])
        # What few tried states say of the context may mislead: each ranking counts from its best.
        best = torch.maximum(own - own.amax(1, keepdim=True), shifted - shifted.amax(1, keepdim=True))
        hunt.scores[hunt.open] = best
    whole, frequency = hunt.problem.whole, hunt.problem.log_frequency
    if hunt.settle() or whole is None:
        return len(hunt.open) == 0
    prior = LanguagePrior(whole, prefixes[hunt.open], frequency).log_probs()
    gain = torch.where(frequency > -torch.inf, prior - frequency, torch.zeros_like(prior))
    hunt.scores[hunt.open] += gain
    hunt.test(hunt.scores[hunt.open].topk(min(4 * wide, hunt.scores.shape[1])).indices)
    return hunt.settle()


def refine(hunt: Hunt, effort: Effort) -> bool:
    """Adam (Kingma and Ba 2015) on one soft embedding per open text, trying the tokens nearest to it.

    The continuous search replaces most of the vocabulary scan (the gradient policy of SipIt: Nikolaou et al. 2025).
    """
    table, problem = hunt.problem.part.embed_table.detach(), hunt.problem
    soft = _start(hunt, table)
    first, second = torch.zeros_like(soft), torch.zeros_like(soft)
    rate = effort.rate * float(table.square().mean().sqrt())
    for step in range(1, effort.steps + 1):
        slope = _slope(hunt, soft)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope.square()
        scaled = (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-12)
        soft = soft - rate * scaled
        if step % 10 and step != effort.steps:
            continue
        before = hunt.open
        hunt.test(_nearest(soft, table, problem.log_frequency, effort.near))
        if hunt.settle():
            return True
        left = torch.isin(before, hunt.open)
        soft, first, second = soft[left], first[left], second[left]
    return False


def exhaust(hunt: Hunt, effort: Effort, first: int = 0, last: int | None = None) -> bool:
    """Try the vocabulary (or ``scan`` tokens of it) in order of plausibility, until every text has a fit; from place
    ``first`` on in this order, and up to place ``last``."""
    allowed = int((hunt.problem.log_frequency > -torch.inf).sum())
    limit = min(number for number in (allowed, effort.scan, last) if number is not None)
    order = hunt.scores[hunt.open].topk(limit).indices
    rows = hunt.open
    for start in range(first, limit, CHUNK):
        hunt.test(order[torch.isin(rows, hunt.open), start : start + CHUNK])
        if hunt.settle():
            return True
    return False


def _start(hunt: Hunt, table: Tensor) -> Tensor:
    """The best token's embedding where it is near, else what the decoder reads from the message."""
    read = hunt.problem.decoder.estimate(hunt.messages[hunt.open], hunt.position)
    near = hunt.distance[hunt.open, None] < 0.5
    return torch.where(near, table[hunt.token[hunt.open]], read)


def _slope(hunt: Hunt, soft: Tensor) -> Tensor:
    with torch.enable_grad():
        point = soft.detach().requires_grad_(True)
        states = hunt.tree.try_next(point.unsqueeze(1))
        loss = hunt.problem.channel.distance(hunt.messages[hunt.open], states, hunt.position).square().sum()
        return torch.autograd.grad(loss, point)[0]


def _nearest(soft: Tensor, table: Tensor, log_frequency: Tensor, count: int) -> Tensor:
    """Three quarters by angle, one quarter by distance: ``[B, d] -> [B, count]``, tokens that may occur only."""
    barred = log_frequency == -torch.inf
    product = soft @ table.T
    size = table.square().sum(1)
    angle = (product / size.sqrt().clamp_min(1e-12)).masked_fill(barred, -torch.inf)
    close = (product - size / 2).masked_fill(barred, -torch.inf)
    part = max(1, count // 4)
    return torch.cat([angle.topk(count - part).indices, close.topk(part).indices], 1)
