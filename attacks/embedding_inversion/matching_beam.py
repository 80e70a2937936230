"""Sequential inversion under noise: the most probable text given all messages, by beam search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.embedding_inversion.matching_exact import Job
from attacks.embedding_inversion.matching_hunt import FAN, Problem
from attacks.embedding_inversion.prior import LanguagePrior, Prior, UnigramPrior
from harness.models import PrefixTree

__all__ = ["Beam", "invert_by_beam"]


@dataclass(frozen=True)
class Beam:
    """``width`` hypotheses per text, ``fan`` continuations of each; ``weight`` multiplies the prior's log."""

    width: int = 4
    fan: int = 32
    weight: float = 1.0


@dataclass
class _Front:
    """The hypotheses of ``texts`` texts, row by row: ``ids [texts * width, t]`` with their ``score``."""

    tree: PrefixTree
    prior: Prior
    ids: Tensor
    score: Tensor
    texts: int

    @property
    def width(self) -> int:
        return len(self.ids) // self.texts

    def select(self, rows: Tensor, texts: int) -> None:
        self.tree.select(rows)
        self.prior.select(rows)
        self.ids, self.score, self.texts = self.ids[rows], self.score[rows], texts


@torch.no_grad()
def invert_by_beam(
    problem: Problem, jobs: Sequence[Job], prefix: Sequence[int], suffix: Sequence[int], beam: Beam
) -> list[tuple[int, ...]]:
    """Tokens of every job after the public ``prefix``; messages at the ``suffix`` help to choose the hypothesis.

    The score of a text is ``sum_t log p(message_t | state) + weight log p(token_t | text before)``.
    """
    order = sorted(range(len(jobs)), key=lambda number: -len(jobs[number].messages))
    batch = max(1, FAN // (beam.width * beam.fan))
    found: dict[int, tuple[int, ...]] = {}
    for start in range(0, len(order), batch):
        group = order[start : start + batch]
        found |= dict(zip(group, _decode(problem, [jobs[n] for n in group], prefix, suffix, beam), strict=True))
    return [found[number] for number in range(len(jobs))]


def _decode(
    problem: Problem, jobs: list[Job], prefix: Sequence[int], suffix: Sequence[int], beam: Beam
) -> list[tuple[int, ...]]:
    """Decode jobs of falling length side by side; finished texts leave from the end."""
    front = _begin(problem, len(jobs), prefix)
    found: list[tuple[int, ...]] = [()] * len(jobs)
    for place in range(len(jobs[0].messages) + 1):
        count = sum(len(job.messages) > place for job in jobs)
        if count < front.texts:
            ended = front.ids[count * front.width :], front.score[count * front.width :]
            chosen = _finish(problem, *ended, [job.tail for job in jobs[count : front.texts]], suffix)
            found[count : front.texts] = [tuple(row) for row in chosen[:, len(prefix) :].tolist()]
            if count == 0:
                break
            front.select(torch.arange(count * front.width, device=front.ids.device), count)
        _advance(problem, front, torch.stack([job.messages[place] for job in jobs[:count]]), beam)
    return found


def _begin(problem: Problem, texts: int, prefix: Sequence[int]) -> _Front:
    device = problem.log_frequency.device
    ids = torch.tensor([list(prefix)] * texts, dtype=torch.long, device=device).view(texts, len(prefix))
    prior: Prior = UnigramPrior(problem.log_frequency, texts)
    if problem.whole is not None:
        prior = LanguagePrior(problem.whole, ids, problem.log_frequency)
    return _Front(PrefixTree(problem.part, ids), prior, ids, torch.zeros(texts, device=device), texts)


def _advance(problem: Problem, front: _Front, messages: Tensor, beam: Beam) -> None:
    """One position of all hypotheses: propose by message and prior, weigh by the state, keep the best."""
    position, width = front.ids.shape[1], front.width
    read = problem.decoder.scores(messages, position).repeat_interleave(width, 0)
    prior = beam.weight * front.prior.log_probs()
    tokens = (read + prior).topk(min(beam.fan, read.shape[1])).indices
    states = front.tree.try_next(tokens)
    fit = problem.channel.log_density(messages.repeat_interleave(width, 0), states, position)
    total = front.score[:, None] + fit + prior.gather(1, tokens)
    flat = total.view(front.texts, -1)
    best = flat.topk(min(beam.width, flat.shape[1]))
    first = torch.arange(front.texts, device=flat.device)[:, None] * width
    parents, choice = (first + best.indices // tokens.shape[1]).flatten(), (best.indices % tokens.shape[1]).flatten()
    chosen = tokens[parents, choice]
    front.select(parents, front.texts)
    front.tree.commit_at(choice)
    front.prior.commit(chosen)
    front.ids, front.score = torch.cat([front.ids, chosen[:, None]], 1), best.values.flatten()


def _finish(
    problem: Problem, ids: Tensor, score: Tensor, tails: list[Tensor | None], suffix: Sequence[int]
) -> Tensor:
    """The best hypothesis of each finished text ``[n, t]``, after the suffix's messages have had their say."""
    width = len(ids) // len(tails)
    rows = [tail for tail in tails if tail is not None]
    if len(rows) == len(tails) and suffix and width > 1:
        messages = torch.stack(rows).repeat_interleave(width, 0)
        tree = PrefixTree(problem.part, ids)
        for place, token in enumerate(suffix):
            states = tree.try_next(ids.new_full((len(ids), 1), token))
            fit = problem.channel.log_density(messages[:, place], states, ids.shape[1] + place)
            score = score + fit.squeeze(1)
            tree.commit_at(ids.new_zeros(len(ids)))
    best = score.view(len(tails), width).argmax(1)
    return ids[torch.arange(len(tails), device=ids.device) * width + best]
