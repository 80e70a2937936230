"""Sequential inversion under noise: the most probable text given all messages, by beam search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.embedding_inversion.matching_exact import Job
from attacks.embedding_inversion.matching_hunt import FAN, Problem
from attacks.embedding_inversion.prior import LanguagePrior, Prior, UnigramPrior
from harness.attack import PrefixTree

__all__ = ["Beam", "invert_by_beam"]

ODD = 5.0
"""Standard deviations (:meth:`Channel.surprise`) from which on more candidates are tried."""
WIDER = 16
"""How many times the fan is tried then."""


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
    odd: Tensor
    """Texts whose last message no candidate explained, ``[texts]``."""

    @property
    def width(self) -> int:
        return len(self.ids) // self.texts

    def select(self, rows: Tensor, texts: int) -> None:
        self.tree.select(rows)
        self.prior.select(rows)
        self.ids, self.score, self.texts = self.ids[rows], self.score[rows], texts
        self.odd = self.odd[:texts]


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
        last = len(jobs[0].messages) == place + 1
        _advance(problem, front, torch.stack([job.messages[place] for job in jobs[:count]]), beam, last)
    return found


def _begin(problem: Problem, texts: int, prefix: Sequence[int]) -> _Front:
    device = problem.log_frequency.device
    ids = torch.tensor([list(prefix)] * texts, dtype=torch.long, device=device).view(texts, len(prefix))
    prior: Prior = UnigramPrior(problem.log_frequency, texts)
    if problem.whole is not None:
        prior = LanguagePrior(problem.whole, ids, problem.log_frequency)
    odd = torch.zeros(texts, dtype=torch.bool, device=device)
    return _Front(PrefixTree(problem.part, ids), prior, ids, torch.zeros(texts, device=device), texts, odd)


@dataclass(frozen=True)
class _Choice:
    """Candidates of each text ``[texts, N]``: total score, fit of the last message, token, hypothesis extended."""

    total: Tensor
    fit: Tensor
    token: Tensor
    owner: Tensor

    def beside(self, more: _Choice, where: Tensor) -> _Choice:
        """With ``more`` appended in the rows ``where``; the other rows are filled with impossible candidates."""
        both = []
        for own, other in zip(vars(self).values(), vars(more).values(), strict=True):
            extra = own.new_full((len(own), other.shape[1]), -torch.inf if own.is_floating_point() else 0)
            extra[where] = other
            both.append(torch.cat([own, extra], 1))
        return _Choice(*both)


def _advance(problem: Problem, front: _Front, messages: Tensor, beam: Beam, last: bool) -> None:
    """One position of all hypotheses: propose by message and prior, weigh by the state, keep the best."""
    prior = beam.weight * front.prior.log_probs()
    proposal = problem.decoder.scores(messages, front.ids.shape[1]).repeat_interleave(front.width, 0) + prior
    everything = torch.arange(len(front.ids), device=front.ids.device)
    tokens = proposal.topk(min(beam.fan, proposal.shape[1])).indices
    choice = _weigh(problem, front, front.tree, messages, everything, tokens, prior)
    again = (_odd(problem, choice, messages) & ~front.odd).nonzero().squeeze(1)
    if len(again):
        rows = everything.view(front.texts, -1)[again].flatten()
        allowed = int((problem.log_frequency > -torch.inf).sum())
        tokens = proposal[rows].topk(min(beam.fan * WIDER, allowed)).indices[:, beam.fan :]
        tree = PrefixTree(problem.part, front.ids[rows])
        choice = choice.beside(_weigh(problem, front, tree, messages[again], rows, tokens, prior), again)
    front.odd = _odd(problem, choice, messages)
    _keep(front, choice, beam.width, last)


def _weigh(
    problem: Problem, front: _Front, tree: PrefixTree, messages: Tensor, rows: Tensor, tokens: Tensor, prior: Tensor
) -> _Choice:
    """Score ``tokens [rows, K]`` after the hypotheses ``rows`` (all those of ``messages``' texts), held by ``tree``."""
    fit = _fit(problem, tree, messages.repeat_interleave(front.width, 0), tokens)
    total = front.score[rows, None] + fit + prior[rows].gather(1, tokens)
    owner = (rows % front.width)[:, None].expand_as(tokens)
    return _Choice(*(part.reshape(len(messages), -1) for part in (total, fit, tokens, owner)))


def _odd(problem: Problem, choice: _Choice, messages: Tensor) -> Tensor:
    """Texts whose message no candidate explains, ``[texts]``."""
    return problem.channel.surprise(choice.fit.amax(1, keepdim=True), messages).squeeze(1) > ODD


def _fit(problem: Problem, tree: PrefixTree, messages: Tensor, tokens: Tensor) -> Tensor:
    """``log p(message | prefix, token)`` of ``tokens [B, K]``, a limited number at a time."""
    parts = torch.split(tokens, max(1, FAN // max(1, len(tokens))), dim=1)
    found = [problem.channel.log_density(messages, tree.try_next(part), tree.length) for part in parts]
    return torch.cat(found, 1)


def _keep(front: _Front, choice: _Choice, width: int, last: bool) -> None:
    """Continue with the best ``width`` candidates of each text; after the last position no model needs to."""
    best = choice.total.topk(min(width, choice.total.shape[1]))
    owner, chosen = choice.owner.gather(1, best.indices), choice.token.gather(1, best.indices).flatten()
    first = torch.arange(front.texts, device=owner.device)[:, None] * front.width
    front.select((first + owner).flatten(), front.texts)
    if not last:
        front.tree.commit(chosen)
        front.prior.commit(chosen)
    front.ids, front.score = torch.cat([front.ids, chosen[:, None]], 1), best.values.flatten()


def _finish(problem: Problem, ids: Tensor, score: Tensor, tails: list[Tensor | None], suffix: Sequence[int]) -> Tensor:
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
