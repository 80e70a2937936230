"""Sequential inversion under noise: the most probable text given all messages, by beam search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attacks.embedding_inversion.vocabulary_matching.exact import Job
from attacks.embedding_inversion.vocabulary_matching.hunt import FAN, Problem
from attacks.embedding_inversion.vocabulary_matching.prior import LanguagePrior, LazyPrior, Prior, UnigramPrior
from harness.attack import PrefixTree

__all__ = ["Beam", "invert_by_beam"]

ODD = 5.0
"""Standard deviations (:meth:`Channel.surprise`) from which on more candidates are tried."""
WIDER = 16
"""Factor by which the fan is widened then."""
FEW = 2
"""Continuations that a single hypothesis is tried with first."""
USUAL = 2.0
"""Standard deviations up to which a message is as near to its state as messages are."""
SURE = 10.0
"""Logarithm of odds beyond which neither the language model nor a continuation that is not tried is waited for."""
NEAR = 64
"""Continuations tried where none of the fan explains the message, once the fan's states have shown the context."""
ENOUGH, MOSTLY = 12, 0.85
"""Positions, and the share of them that few continuations must decide; else noise is so wide that nothing is spared."""
OFTEN = 0.1
"""Share of texts in doubt at one position from which on the language model follows them: reading one costs as much as
following many."""


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
    sure: int = 0
    """Positions of texts that the first few continuations decided."""
    seen: int = 0
    """Positions of texts at which they were asked to."""

    @property
    def sparing(self) -> bool:
        """True where it pays, and costs nothing, to look at few continuations first and to do without the model."""
        return self.seen < ENOUGH or self.sure >= MOSTLY * self.seen

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
    texts: dict[int, tuple[int, ...]] = {}
    for start in range(0, len(order), batch):
        group = order[start : start + batch]
        texts |= dict(zip(group, _decode(problem, [jobs[n] for n in group], prefix, suffix, beam), strict=True))
    return [texts[number] for number in range(len(jobs))]


def _decode(
    problem: Problem, jobs: list[Job], prefix: Sequence[int], suffix: Sequence[int], beam: Beam
) -> list[tuple[int, ...]]:
    """Decode jobs of falling length side by side; finished texts leave from the end."""
    front = _begin(problem, len(jobs), prefix, beam)
    texts: list[tuple[int, ...]] = [()] * len(jobs)
    for place in range(len(jobs[0].messages) + 1):
        count = sum(len(job.messages) > place for job in jobs)
        if count < front.texts:
            ended = front.ids[count * front.width :], front.score[count * front.width :]
            chosen = _finish(problem, *ended, [job.tail for job in jobs[count : front.texts]], suffix)
            texts[count : front.texts] = [tuple(row) for row in chosen[:, len(prefix) :].tolist()]
            if count == 0:
                break
            front.select(torch.arange(count * front.width, device=front.ids.device), count)
        last = len(jobs[0].messages) == place + 1
        _advance(problem, front, torch.stack([job.messages[place] for job in jobs[:count]]), beam, last)
    return texts


def _begin(problem: Problem, texts: int, prefix: Sequence[int], beam: Beam) -> _Front:
    device = problem.log_frequency.device
    ids = torch.tensor([list(prefix)] * texts, dtype=torch.long, device=device).view(texts, len(prefix))
    prior: Prior = UnigramPrior(problem.log_frequency, texts)
    if problem.whole is not None:
        several = beam.width > 1 or beam.fan <= FEW
        prior = (
            LanguagePrior(problem.whole, ids, problem.log_frequency)
            if several
            else LazyPrior(problem.whole, problem.log_frequency, texts)
        )
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
    scores = problem.decoder.scores(messages, front.ids.shape[1])
    if isinstance(front.prior, LazyPrior):
        choice, proposal, prior = _sparing(problem, front, front.prior, messages, scores, beam)
    else:
        prior = beam.weight * front.prior.log_probs()
        proposal = scores.repeat_interleave(front.width, 0) + prior
        choice = _weigh(problem, front, front.tree, messages, _all(front), _top(proposal, beam.fan), prior)
    again = (_odd(problem, choice, messages) & ~front.odd).nonzero().squeeze(1)
    if len(again):
        rows = _all(front).view(front.texts, -1)[again].flatten()
        allowed = int((problem.log_frequency > -torch.inf).sum())
        tokens = _top(proposal[rows], min(beam.fan * WIDER, allowed))[:, beam.fan :]
        choice = choice.beside(
            _weigh(problem, front, front.tree.fork(rows), messages[again], rows, tokens, prior), again
        )
    front.odd = _odd(problem, choice, messages)
    _keep(front, choice, beam.width, last)


def _sparing(
    problem: Problem, front: _Front, lazy: LazyPrior, messages: Tensor, scores: Tensor, beam: Beam
) -> tuple[_Choice, Tensor, Tensor]:
    """Candidates of single hypotheses: no more of them, and no more of the language model, than a decision needs.

    The likeliest few are weighed first; where one of them explains the message as the law has it, far better than the
    others that were tried and than those that were not could, that decides. Else the whole fan is weighed, and where
    this decides no more clearly, the language model is asked. Returns the candidates, proposals and priors ``[B, V]``.
    """
    if not front.sparing and len(rest := (~lazy.asked).nonzero().squeeze(1)):
        lazy.ask(rest, front.ids[rest])
    prior = beam.weight * lazy.log_probs()
    proposal = scores + prior
    tokens = _top(proposal, beam.fan)
    few = FEW if front.sparing else beam.fan
    choice = _weigh(problem, front, front.tree, messages, _all(front), tokens[:, :few], prior)
    ahead = proposal.gather(1, tokens[:, :1]) - proposal.gather(1, tokens[:, FEW : FEW + 1])
    usual = problem.channel.surprise(choice.fit.amax(1, keepdim=True), messages).squeeze(1) < USUAL
    sure = _clear(choice) & usual & (ahead.squeeze(1) > SURE)
    if front.sparing:
        front.sure, front.seen = front.sure + int(sure.sum()), front.seen + len(sure)
    if few < beam.fan and len(rest := (~sure).nonzero().squeeze(1)):
        choice = _more(problem, front, choice, messages, rest, tokens[rest, few:], prior)
    if len(odd := (_odd(problem, choice, messages) & ~front.odd).nonzero().squeeze(1)):
        near = _near(problem, front, messages[odd], odd, tokens[odd])
        choice = _more(problem, front, choice, messages, odd, near, prior)
    usual = problem.channel.surprise(choice.fit.amax(1, keepdim=True), messages).squeeze(1) < USUAL
    doubt = (~(_clear(choice) & usual) & ~lazy.asked).nonzero().squeeze(1)
    if len(doubt):
        lazy.ask(doubt, front.ids[doubt], follow=len(doubt) >= OFTEN * front.texts)
        before, prior = prior, beam.weight * lazy.log_probs()
        proposal = scores + prior
        change = (prior - before).gather(1, choice.token)
        # Places that only fill up stay impossible.
        choice = replace(choice, total=torch.where(choice.total > -torch.inf, choice.total + change, choice.total))
        choice = _more(problem, front, choice, messages, doubt, _top(proposal[doubt], beam.fan), prior)
    return choice, proposal, prior


def _more(
    problem: Problem, front: _Front, choice: _Choice, messages: Tensor, rows: Tensor, tokens: Tensor, prior: Tensor
) -> _Choice:
    """``choice`` with ``tokens [len(rows), K]`` weighed for the texts ``rows`` too."""
    more = _weigh(problem, front, front.tree.fork(rows), messages[rows], rows, tokens, prior)
    return choice.beside(more, rows)


def _near(problem: Problem, front: _Front, messages: Tensor, rows: Tensor, tried: Tensor) -> Tensor:
    """Likeliest tokens ``[n, NEAR]`` of the texts ``rows`` by their messages without what the text before adds, as the
    states of the ``tried [n, K]`` show it."""
    context = problem.decoder.context(front.tree.fork(rows).try_next(tried), tried)
    left = messages if context is None else messages - context
    return _top(problem.decoder.scores(left, front.ids.shape[1]) + problem.log_frequency, NEAR)


def _clear(choice: _Choice) -> Tensor:
    """Texts ``[B]`` whose best candidate is :data:`SURE` to be better than the next."""
    best = choice.total.topk(2).values
    return torch.gt(best[:, 0] - best[:, 1], SURE)


def _all(front: _Front) -> Tensor:
    return torch.arange(len(front.ids), device=front.ids.device)


def _top(scores: Tensor, count: int) -> Tensor:
    return scores.topk(min(count, scores.shape[1])).indices


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
    densities = [problem.channel.log_density(messages, tree.try_next(part), tree.length) for part in parts]
    return torch.cat(densities, 1)


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
