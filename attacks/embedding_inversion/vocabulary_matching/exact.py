"""Sequential inversion without noise: token after token, each recognised by the state it causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attacks.embedding_inversion.vocabulary_matching.hunt import Effort, Hunt, Problem, exhaust, refine, widen
from harness.attack import PrefixTree

__all__ = ["Found", "Job", "invert_exactly", "other_turn"]

PLAIN = 0.02
"""Tolerance up to which the token that fits is the only one: the likeliest is tried alone before others are."""


@dataclass(frozen=True)
class Job:
    """One text: its messages ``[T, e]`` at the private positions."""

    messages: Tensor
    forced: tuple[int, ...] = ()
    """Tokens already decided, from the first position on."""
    tail: Tensor | None = None
    """Messages at the positions of the public suffix, ``[S, e]``."""


@dataclass(frozen=True)
class Found:
    """Tokens of one text, the distance of each, and a second token that fits too (-1: none)."""

    ids: tuple[int, ...]
    distances: tuple[float, ...]
    rivals: tuple[int, ...]
    tried: int = 0
    """Alternatives that were evaluated for this text (a share, where texts were tried together)."""

    def fits(self, tolerance: float) -> int:
        """Leading positions whose token fits."""
        bad = [place for place, distance in enumerate(self.distances) if distance > tolerance]
        return bad[0] if bad else len(self.distances)


def invert_exactly(
    problem: Problem, jobs: Sequence[Job], prefix: Sequence[int], effort: Effort, *, batch: int = 64, repairs: int = 2
) -> list[Found]:
    """Tokens of every job after the public ``prefix``.

    A wrong token spoils all later distances: where nothing fits from some position on although an earlier
    position had two fitting tokens, the text is decoded anew with the other one, up to ``repairs`` times.
    """
    order = sorted(range(len(jobs)), key=lambda number: -len(jobs[number].messages))
    texts: dict[int, Found] = {}
    for start in range(0, len(order), batch):
        group = order[start : start + batch]
        texts |= dict(zip(group, _decode(problem, [jobs[n] for n in group], prefix, effort), strict=True))
    for _ in range(repairs):
        again = {n: other for n, one in texts.items() if (other := other_turn(jobs[n], one, problem.tolerance))}
        redone = _decode_sorted(problem, list(again.values()), prefix, effort)
        for number, second in zip(again, redone, strict=True):
            if second.fits(problem.tolerance) > texts[number].fits(problem.tolerance):
                texts[number] = replace(second, tried=second.tried + texts[number].tried)
    return [texts[number] for number in range(len(jobs))]


def other_turn(job: Job, text: Found, tolerance: float) -> Job | None:
    """The job with the last doubtful token before the first misfit replaced by its rival; None if there is none."""
    misfit = text.fits(tolerance)
    turns = [place for place in range(len(job.forced), misfit) if text.rivals[place] >= 0]
    if misfit == len(text.ids) or not turns:
        return None
    return replace(job, forced=(*text.ids[: turns[-1]], text.rivals[turns[-1]]))


def _decode_sorted(problem: Problem, jobs: list[Job], prefix: Sequence[int], effort: Effort) -> list[Found]:
    order = sorted(range(len(jobs)), key=lambda number: -len(jobs[number].messages))
    texts = _decode(problem, [jobs[number] for number in order], prefix, effort) if jobs else []
    return [one for _, one in sorted(zip(order, texts, strict=True), key=lambda pair: pair[0])]


def _decode(problem: Problem, jobs: list[Job], prefix: Sequence[int], effort: Effort) -> list[Found]:
    """Decode jobs of falling length side by side.

    A text that nothing fits is lost: its later positions get the first try alone. The vocabulary is scanned for all
    texts only once some token has fitted, for else the law of the messages may be wrong; until then it is scanned for
    the text that comes nearest, as all texts may begin with a word that nobody would expect.
    """
    device = problem.log_frequency.device
    ids = torch.tensor([list(prefix)] * len(jobs), dtype=torch.long, device=device).view(len(jobs), len(prefix))
    tree = PrefixTree(problem.part, ids)
    lost = torch.zeros(len(jobs), dtype=torch.bool, device=device)
    columns: list[tuple[Tensor, Tensor, Tensor]] = []
    tried, trusted = 0, False
    for place in range(len(jobs[0].messages)):
        count = sum(len(job.messages) > place for job in jobs)
        if count < tree.rows:
            tree.select(torch.arange(count, device=device))
            ids, lost = ids[:count], lost[:count]
        hunt = _begin(problem, tree, jobs[:count], place, ids, effort.first)
        hunt.keep(~lost)
        if len(hunt.open):
            trusted = trusted or hunt.any_fits()
            _search(hunt, ids, effort if trusted else replace(effort, scan=0))
        if len(hunt.open) and not trusted:
            trusted = hunt.any_fits() or exhaust(hunt.nearest(), effort)
            if trusted and not hunt.settle():
                exhaust(hunt, effort)
        trusted = trusted or hunt.any_fits()
        lost, tried = lost | (hunt.distance > problem.tolerance), tried + hunt.tried
        with torch.no_grad():
            tree.commit(hunt.token)
        ids = torch.cat([ids, hunt.token[:, None]], 1)
        columns.append((hunt.token, hunt.distance, hunt.rival))
    share = round(tried / len(jobs))
    return [_collect(columns, row, len(job.messages), share) for row, job in enumerate(jobs)]


def _begin(problem: Problem, tree: PrefixTree, jobs: list[Job], place: int, ids: Tensor, first: int) -> Hunt:
    """The first try at one position of all texts; leaves open those that no token fits and none is forced on."""
    messages = torch.stack([job.messages[place] for job in jobs])
    hunt = Hunt(problem, tree, messages, ids.shape[1])
    top = hunt.scores.topk(min(first, hunt.scores.shape[1])).indices
    alone = 1 if problem.tolerance <= PLAIN else top.shape[1]
    forced = top.new_tensor([job.forced[place] if place < len(job.forced) else -1 for job in jobs])
    hunt.test(torch.where(forced[:, None] >= 0, forced[:, None], top[:, :alone]))
    hunt.open = ((hunt.distance > problem.tolerance) & (forced < 0)).nonzero().squeeze(1)
    if len(hunt.open):
        hunt.fork()
        if alone < top.shape[1]:
            hunt.test(top[hunt.open, alone:])
            hunt.settle()
    return hunt


def _search(hunt: Hunt, ids: Tensor, effort: Effort) -> None:
    """Everything after the first try, on a tree of the open texts' own: the cheapest first."""
    if widen(hunt, ids, effort) or exhaust(hunt, effort, last=effort.screened) or refine(hunt, effort):
        return
    exhaust(hunt, effort, first=effort.screened)


def _collect(columns: list[tuple[Tensor, Tensor, Tensor]], row: int, length: int, tried: int) -> Found:
    tokens, distances, rivals = (tuple(column[k][row].item() for column in columns[:length]) for k in range(3))
    return Found(tuple(map(int, tokens)), tuple(map(float, distances)), tuple(map(int, rivals)), tried)
