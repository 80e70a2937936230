"""The defense itself as the law of messages: candidates' states are sent through it and compared with what was sent.

Nothing is assumed of the defense but that it can be asked (:meth:`harness.attack.Sessions.defend`). Where equal states
give equal messages, the true token's message is met exactly, masks, zeros and rounding included. Where they do not, a
message is compared with the affine hull of several answers: exact where the randomness has few dimensions, as a random
factor of each row has, and no better than a guess under noise on every coordinate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from attacks.embedding_inversion.vocabulary_matching.ranking import Ranking, fit_rankings
from attacks.toolkit.readers.hidden_states import Sequences, private_slice, whole_states
from attacks.toolkit.ridge import fit_ridge
from harness.attack import torch_generator

if TYPE_CHECKING:
    from harness.attack import Observation, Part, SplitFacts, View

__all__ = ["Follower", "Send", "follow"]

REPEATS = 12
"""Answers that span the affine hull of a random defense."""
EXACT = 0.05
"""Whitened distance of true states up to which following recognises tokens."""
SAMPLES = 2
"""Contexts of every token, whose messages make its usual one."""
ARITHMETIC = 4e-6
"""Relative differences between two float32 evaluations of one state."""
HELD = 5
"""Every fifth auxiliary sequence is kept for choosing between rankings."""


class Send(Protocol):
    """Defended messages of ``states``, each in the place of the session of that record."""

    def __call__(self, states: Sequence[Tensor], *, repeats: int = 1, records: Sequence[str] = ()) -> list[Tensor]:
        """As :meth:`harness.attack.Sessions.defend`."""


@dataclass
class Follower:
    """Distances of sent messages from what the defense makes of candidates."""

    send: Send
    spread: Tensor
    """Standard deviation of messages over texts, per coordinate ``[e]``."""
    rankings: tuple[Ranking, ...]
    """Rankings of the vocabulary by what was sent, the best on held-out messages first."""
    repeats: int = 1
    tolerance: float = EXACT
    """Distances of true states stay below this."""
    alone: bool = False
    """True where a row's message depends on that row alone, wherever it stands."""
    _carriers: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _causal: dict[int, bool] = field(default_factory=dict)

    def carrier(self, like: Tensor) -> tuple[int, ...]:
        """For each row of a message of ``like``'s shape, the row of what is sent by which it is recognised."""
        length = len(like)
        if length not in self._carriers:
            self._carriers[length], self._causal[length] = self._dependence(like)
        return self._carriers[length]

    def causal(self, like: Tensor) -> bool:
        """True where the rows of :meth:`carrier` do not depend on later rows."""
        self.carrier(like)
        return self._causal[len(like)]

    def distance(self, sent: Tensor, row: int, messages: Tensor, record: str) -> Tensor:
        """Distance of row ``row`` of ``sent [T, e]`` from that of the defended alternatives ``messages [K, T, d]``."""
        at = self.carrier(messages[0])[row]
        if self.alone and self.repeats == 1:
            return self.rms(sent[at] - self.rows(messages[:, row], messages.shape[1], record))
        answers = self.send(list(messages), repeats=self.repeats, records=[record] * len(messages))
        rows = torch.stack([one[at] for one in answers]).view(self.repeats, len(messages), -1)
        return self.rms(self.beyond(sent[at], rows))

    def rows(self, states: Tensor, length: int, record: str) -> Tensor:
        """Messages of ``states [K, d]``, several to a message of ``length`` rows; for defenses of rows alone."""
        missing = -len(states) % length
        padded = torch.cat([states, states[:1].expand(missing, -1)]) if missing else states
        messages = list(padded.view(-1, length, states.shape[1]))
        return torch.cat(self.send(messages, records=[record] * len(messages)))[: len(states)]

    def beyond(self, sent: Tensor, rows: Tensor) -> Tensor:
        """``sent [e]`` minus its projection on the affine hull of ``rows [R, K, e]``: ``[K, e]``."""
        left = sent - rows.mean(0)
        if len(rows) == 1:
            return left
        axes = ((rows - rows.mean(0)) / self.spread).transpose(0, 1).double()
        scaled = (left / self.spread).double()
        gram = axes @ axes.mT
        size = gram.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
        gram = gram + (1e-7 * size + 1e-12) * torch.eye(len(rows), dtype=gram.dtype)
        weights = torch.linalg.solve(gram, axes @ scaled[..., None])
        beyond = scaled - (axes.mT @ weights).squeeze(-1)
        return torch.mul(beyond.to(sent.dtype), self.spread)

    def rms(self, difference: Tensor) -> Tensor:
        """Root mean square of ``difference [..., e]`` in units of :attr:`spread`."""
        return (difference / self.spread).square().mean(-1).sqrt()

    def _dependence(self, like: Tensor) -> tuple[tuple[int, ...], bool]:
        """Carriers of all rows, and True if none depends on later ones; rows are changed one by one."""
        length, own = len(like), tuple(range(len(like)))
        if self.repeats > 1 or self.alone:
            return own, True
        changed = like.expand(length, -1, -1).clone()
        changed[range(length), range(length)] = like.roll(1, 0)
        base, *answers = self.send([like, *changed])
        moved = torch.stack([self.rms(one - base) for one in answers]) > 1e-4  # [input row, sent row]
        carriers, causal = [], True
        for row in range(length):
            later = moved[row + 1 :].any(0)
            clean = (moved[row] & ~later).nonzero().flatten().tolist()
            causal = causal and bool(clean)
            carriers.append(row if row in clean or not clean else clean[0])
        return tuple(carriers), causal


def follow(view: View, part: Part, sequences: Sequences, simulated: Sequence[Observation]) -> Follower | None:
    """The follower of a view's defense; None where asking it does not say what was sent.

    ``simulated`` are messages of another deployment, and known pairs, where there are any, of the live one: what the
    defense answers must be what was sent there.
    """
    split = view.sessions.facts
    pairs = [pair for pair in (*view.sessions.known_pairs()[:8], *simulated) if _usable(pair)]
    if not pairs:
        return None
    whole = whole_states(part, sequences, split.prefix, split.suffix)
    sent = view.sessions.defend(whole)
    if any(len(a) != len(b) for a, b in zip(sent, whole, strict=True)):
        return None
    private = [slice(len(split.prefix), len(split.prefix) + len(one)) for one in sequences]
    spread = torch.cat([one[where] for one, where in zip(sent, private, strict=True)]).std(0)
    spread = spread.clamp_min(max(1e-12, 1e-2 * float(spread.max())))
    for repeats in (1, REPEATS):
        follower = Follower(view.sessions.defend, spread, (), repeats)
        follower.tolerance = _tolerance(follower, pairs, split)
        if follower.tolerance < EXACT:
            break
    else:
        return None
    follower.alone = follower.repeats == 1 and _alone(follower, whole)
    table = part.embed_table.detach()
    own = torch.cat([one[where] for one, where in zip(whole, private, strict=True)])
    ids = torch.tensor([token for one in sequences for token in one])

    def usual() -> Tensor | None:
        return _usual(follower, own, ids, table, len(whole[0])) if follower.alone else None

    follower.rankings = fit_rankings(sent, sequences, split, table, HELD, usual)
    return follower


def _usual(follower: Follower, states: Tensor, ids: Tensor, table: Tensor, length: int) -> Tensor:
    """Mean message ``[V, e]`` of every token: its usual state, with what contexts add to others', through the defense.

    A map that is not linear (magnitudes, a mask) has other means than those of a linear map of embeddings.
    """
    mean = fit_ridge(table[ids], states)
    rest = states - mean(table[ids])
    generator = torch_generator("contexts", len(ids))
    total = torch.zeros(len(table), len(follower.spread))
    for _ in range(SAMPLES):
        drawn = rest[torch.randint(len(rest), (len(table),), generator=generator)]
        total += follower.rows(mean(table) + drawn, length, "") / SAMPLES
    return total


def _usable(pair: Observation) -> bool:
    return pair.plain is not None and pair.ids is not None and len(pair.plain) == len(pair.states)


def _tolerance(follower: Follower, pairs: Sequence[Observation], split: SplitFacts) -> float:
    """Four times the usual distance of the true states of ``pairs``, three quarters of which must be met; what float32
    arithmetic can do to a state counts as well."""
    far = []
    for pair in pairs:
        if pair.plain is None or pair.ids is None:
            continue
        where = private_slice(split, pair)
        signs = 1.0 - 2.0 * (torch.arange(pair.plain.shape[1]) % 2)
        moved = pair.plain + ARITHMETIC * pair.plain.std(0) * signs
        answers = follower.send([pair.plain, moved], repeats=follower.repeats, records=[pair.record] * 2)
        for number in range(2):
            rows = torch.stack(answers[number::2])
            beyond = torch.stack([follower.beyond(pair.states[t], rows[:, t : t + 1])[0] for t in range(len(moved))])
            far.append(follower.rms(beyond)[where])
    return max(1e-3, 4.0 * float(torch.cat(far).quantile(0.75)))


def _alone(follower: Follower, whole: Sequence[Tensor]) -> bool:
    """Tell whether rows are sent alike wherever they stand and whatever stands beside them."""
    first, second = whole[0], whole[-1]
    half = min(len(first), len(second)) // 2
    turned, mixed = first.flip(0), torch.cat([second[:half], first[half:]])
    plain, again, beside = follower.send([first, turned, mixed])
    same = torch.cat([follower.rms(plain.flip(0) - again), follower.rms(plain[half:] - beside[half:])])
    return bool((same < 1e-4).all())
