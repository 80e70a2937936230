"""Sequential inversion through the defense itself: token after token, each recognised by what is sent of its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attacks.embedding_inversion.vocabulary_matching.follower import Follower
from attacks.embedding_inversion.vocabulary_matching.prior import LanguagePrior
from attacks.toolkit.ridge import Linear
from harness.attack import Part, PrefixTree

__all__ = ["FollowEffort", "Followed", "Search", "Task", "invert_by_following"]


CHUNK = 512
"""Candidates of one text that are tried at a time."""


@dataclass(frozen=True)
class Task:
    """One observed text: its record, the whole message ``[T, e]`` of its prompt, and its private length."""

    record: str
    sent: Tensor
    length: int


@dataclass(frozen=True)
class FollowEffort:
    """Candidates tried at first, after the first misfit, with the language model's help, by predicted states, and at
    last in order of plausibility."""

    first: int = 8
    wide: int = 64
    guided: int = 128
    screened: int = 4096
    scan: int = 2048
    passes: int = 3
    """Times that a text is decoded where rows depend on later ones."""


@dataclass(frozen=True)
class Followed:
    """Tokens of one text and the distance of each."""

    ids: tuple[int, ...]
    distances: tuple[float, ...]


@dataclass(frozen=True)
class Search:
    """Everything that is known before the secrets are looked at."""

    part: Part
    follower: Follower
    log_frequency: Tensor
    """``[V]``; minus infinity marks tokens that cannot occur."""
    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    filler: Tensor
    """States ``[T, d]`` of some text of the attacker's own: stands at positions that are not known yet."""
    mean: Linear
    """From a token's embedding to its usual state."""
    whole: Part | None = None


@torch.no_grad()
def invert_by_following(search: Search, tasks: Sequence[Task], effort: FollowEffort, batch: int = 16) -> list[Followed]:
    """Tokens of every task after the public prefix."""
    order = sorted(range(len(tasks)), key=lambda number: -tasks[number].length)
    texts: dict[int, Followed] = {}
    for start in range(0, len(order), batch):
        group = order[start : start + batch]
        texts |= dict(zip(group, _invert(search, [tasks[n] for n in group], effort), strict=True))
    return [texts[number] for number in range(len(tasks))]


def _invert(search: Search, tasks: list[Task], effort: FollowEffort) -> list[Followed]:
    """Decode once; where rows depend on later ones, again and again with the text of the time before standing there."""
    fillers = [_fit_length(search.filler, len(task.sent)) for task in tasks]
    if all(search.follower.causal(filler) for filler in fillers):
        return _decode(search, tasks, fillers, effort)
    cheap = replace(effort, guided=0, screened=0, scan=0)
    texts = _decode(search, tasks, fillers, cheap)
    for tried in [cheap] * effort.passes + [effort] * effort.passes:
        fillers = [_states(search, task, one) for task, one in zip(tasks, texts, strict=True)]
        again = _decode(search, tasks, fillers, tried)
        if again == texts and tried is effort:
            break
        texts = again
    return texts


def _fit_length(filler: Tensor, length: int) -> Tensor:
    return filler.repeat(length // len(filler) + 1, 1)[:length]


def _states(search: Search, task: Task, text: Followed) -> Tensor:
    ids = torch.tensor([[*search.prefix, *text.ids, *search.suffix]])
    return _fit_length(search.part(ids)[0], len(task.sent))


class _Hunt:
    """Best token so far of each text at one position, through the defense."""

    def __init__(
        self, search: Search, tasks: list[Task], fillers: list[Tensor], tree: PrefixTree, ids: Tensor, plain: Tensor
    ) -> None:
        self.search, self.tasks, self.fillers, self.tree = search, tasks, fillers, tree
        self.ids, self.plain = ids, plain
        self.row = plain.shape[1]
        self.token = torch.zeros(len(tasks), dtype=torch.long)
        self.state = plain.new_zeros(len(tasks), plain.shape[2])
        self.distance = torch.full((len(tasks),), torch.inf)
        self.context = torch.zeros_like(self.state)
        """Mean difference of the states tried last from their tokens' usual ones: what the text before does to all."""

    @property
    def open(self) -> list[int]:
        """Texts for which nothing fits yet."""
        return (self.distance > self.search.follower.tolerance).nonzero().flatten().tolist()

    def test(self, tokens: Tensor, rows: Sequence[int]) -> None:
        """Try ``tokens [len(rows), K]`` for the texts ``rows``."""
        everyone = len(rows) == len(self.tasks)
        tree = self.tree if everyone else PrefixTree(self.search.part, self.ids[list(rows)])
        states = tree.try_next(tokens)
        usual = self.search.mean(self.search.part.embed_table[tokens])
        self.context[list(rows)] = (states - usual).mean(1)
        for at, row in enumerate(rows):
            distances = self._distances(row, states[at])
            best = int(distances.argmin())
            if distances[best] < self.distance[row]:
                self.distance[row], self.token[row] = distances[best], tokens[at, best]
                self.state[row] = states[at, best]

    def predicted(self, row: int, tokens: Tensor) -> Tensor:
        """Distances ``[K]`` of what is sent of the states that ``tokens [K]`` are likely to have; the model rests."""
        states = self.search.mean(self.search.part.embed_table[tokens]) + self.context[row]
        task, follower = self.tasks[row], self.search.follower
        sent = follower.rows(states, len(task.sent), task.record)
        return (task.sent[self.row] - sent).div(follower.spread).square().mean(-1)

    def _distances(self, row: int, states: Tensor) -> Tensor:
        task, base = self.tasks[row], self.fillers[row].clone()
        base[: self.row] = self.plain[row]
        messages = base.expand(len(states), -1, -1).clone()
        messages[:, self.row] = states
        return self.search.follower.distance(task.sent, self.row, messages, task.record)


def _decode(search: Search, tasks: list[Task], fillers: list[Tensor], effort: FollowEffort) -> list[Followed]:
    ids = torch.tensor([list(search.prefix)] * len(tasks), dtype=torch.long).view(len(tasks), len(search.prefix))
    tree = PrefixTree(search.part, ids)
    plain = tree.prefix_states
    texts: list[tuple[list[int], list[float]]] = [([], []) for _ in tasks]
    for place in range(tasks[0].length):
        count = sum(task.length > place for task in tasks)
        if count < tree.rows:
            tree.select(torch.arange(count))
            ids, plain = ids[:count], plain[:count]
        hunt = _Hunt(search, tasks[:count], fillers[:count], tree, ids, plain)
        tolerance = search.follower.tolerance
        _find(hunt, effort, [row for row in range(count) if max(texts[row][1], default=0.0) <= tolerance])
        state = tree.commit(hunt.token)
        ids, plain = torch.cat([ids, hunt.token[:, None]], 1), torch.cat([plain, state[:, None]], 1)
        for row in range(count):
            texts[row][0].append(int(hunt.token[row]))
            texts[row][1].append(float(hunt.distance[row]))
    return [Followed(tuple(a), tuple(b)) for a, b in texts]


def _find(hunt: _Hunt, effort: FollowEffort, sound: Sequence[int]) -> None:
    """Widen step by step while nothing fits.

    After a token that did not fit the text before is wrong, and nothing will fit: beyond the first widening, only the
    ``sound`` texts are searched on.
    """
    search = hunt.search
    scores = torch.stack([_scores(search, *pair, hunt.row) for pair in zip(hunt.tasks, hunt.fillers, strict=True)])
    hunt.test(_top(scores, effort.first), range(len(hunt.tasks)))
    if effort.wide > effort.first and (rows := hunt.open):
        hunt.test(_top(scores[rows], effort.wide)[:, effort.first :], rows)
    if not effort.guided or not (rows := [row for row in hunt.open if row in sound]):
        return
    prior = _prior(hunt, rows)
    # By both together, then by the language model alone: of some messages every reading fails.
    together = _top(scores[rows] + prior, effort.guided)
    hunt.test(torch.cat([together, _top(prior, effort.guided // 2)], 1), rows)
    left = [at for at, row in enumerate(rows) if row in hunt.open]
    if not (effort.screened and search.follower.alone) or not left:
        return
    prior, rows = prior[left], [rows[at] for at in left]
    likely = _top(prior, effort.screened // 2)
    likely = torch.cat([likely, _top(scores[rows], effort.screened // 2)], 1)
    near = torch.stack([-hunt.predicted(row, tokens) for row, tokens in zip(rows, likely, strict=True)])
    hunt.test(likely.gather(1, _top(near, effort.guided)), rows)
    order = _top(scores, effort.scan)
    for start in range(effort.wide, order.shape[1], CHUNK):
        if left := [row for row in rows if row in hunt.open]:
            hunt.test(order[left, start : start + CHUNK], left)


def _prior(hunt: _Hunt, rows: Sequence[int]) -> Tensor:
    search = hunt.search
    if search.whole is None:
        return search.log_frequency.expand(len(rows), -1)
    return LanguagePrior(search.whole, hunt.ids[list(rows)], search.log_frequency).log_probs()


def _scores(search: Search, task: Task, filler: Tensor, row: int) -> Tensor:
    """The better of the rankings' scores of every token ``[V]``, each counted from its best; barred tokens last."""
    at = search.follower.carrier(filler)[row]
    ranked = torch.stack([ranking.scores(task.sent, at) for ranking in search.follower.rankings])
    scores = (ranked - ranked.amax(1, keepdim=True)).amax(0)
    return scores.masked_fill(search.log_frequency == -torch.inf, -torch.inf)


def _top(scores: Tensor, count: int) -> Tensor:
    return scores.topk(min(count, scores.shape[-1]), dim=-1).indices
