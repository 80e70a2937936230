"""Nearest token: compare each message with the public state of every token of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from attacks.embedding_inversion.nearest_rows import nearest, similarities
from attacks.toolkit.defense_channel.channel import Channel
from attacks.toolkit.defense_channel.live import live_channel
from attacks.toolkit.readers.hidden_states import allowed_tokens, forward_part, private_slice, resized
from harness.attack import Attack, SplitFacts, single_flight

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Observation, Part, Public, View

__all__ = ["NearestToken", "contextless_table", "embedding_table"]


class NearestToken(Attack):
    """Per position, the token whose public state lies nearest to the message.

    The states are those of the embeddings alone (exact at cut 0: absolute positions and the embeddings'
    LayerNorm are part of them), or with ``contextless`` those after all blocks of the cut when the token
    follows the prefix directly. Beyond cut 0 both ignore the context and are weak baselines. The adaptive
    variant undoes the defense as far as the public law of the channel allows; at cut 0, where that law is
    exact, it then decides between the ``shortlist`` nearest tokens by their likelihood.
    """

    name: ClassVar[str] = "nearest_token"
    summary: ClassVar[str] = "nearest row of the embedding table, through the defense's public law"
    source: ClassVar[str] = "Song and Raghunathan 2020, section 3; Qu et al. 2021, section 3.2 (token inversion)"
    needs: ClassVar[tuple[type[Facts], ...]] = (SplitFacts,)

    def __init__(
        self, *, metric: str = "euclidean", contextless: bool = False, shortlist: int = 64, simulated: int = 64
    ) -> None:
        if metric not in ("euclidean", "cosine"):
            raise ValueError(f"metric {metric!r} is neither 'euclidean' nor 'cosine'")
        self.metric = metric
        self.contextless = contextless
        self.shortlist = shortlist
        self.simulated = simulated

    def refuses(self, public: Public) -> str | None:
        """Pooled messages have no token positions."""
        pooled = "a pooled message has no token positions"
        return super().refuses(public) or (pooled if public.need(SplitFacts).pooled else None)

    def guess(self, view: View) -> Guess:
        """Token ids of every record."""
        channel = live_channel(view, self.simulated) if view.adaptive else None
        observed = [_Sent.of(one, view.sessions.facts, channel) for one in view.sessions.observations()]
        tokens: dict[str, list[int]] = {one.record: [] for one in observed}
        last = max((one.span.stop for one in observed), default=0)
        for position in range(len(view.sessions.facts.prefix), last):
            rows = [one for one in observed if position in one.span]
            table = self._table(view, position)
            for row, token in zip(rows, self._decide(rows, table, position, channel, view.sessions.facts), strict=True):
                tokens[row.record].append(token)
        return tokens

    def _table(self, view: View, position: int) -> Tensor:
        if self.contextless:
            return contextless_table(forward_part(view), view.sessions.facts.prefix, view.sessions.facts.suffix)
        return embedding_table(view.sessions.part(0, 0), position)

    def _decide(
        self, rows: Sequence[_Sent], table: Tensor, position: int, channel: Channel | None, split: SplitFacts
    ) -> list[int]:
        allowed = allowed_tokens(split, len(table)).to(table.device)
        estimates = resized(torch.stack([one.estimate[position] for one in rows]), table.shape[1])
        if channel is None or split.cut > 0:
            return nearest(estimates, table, self.metric, allowed).tolist()
        near = _shortlist(estimates, table, allowed, self.shortlist)
        messages = torch.stack([one.message[position] for one in rows])
        pieces = zip(torch.split(messages, 64), torch.split(near, 64), strict=True)
        likely = torch.cat([channel.log_density(message, table[few], position).argmax(-1) for message, few in pieces])
        return near.gather(-1, likely[:, None]).squeeze(-1).tolist()


@dataclass(frozen=True)
class _Sent:
    """A session's messages ``[T, e]``, the plain states they suggest ``[T, d]``, and its private positions."""

    record: str
    message: Tensor
    estimate: Tensor
    span: range

    @staticmethod
    def of(observation: Observation, split: SplitFacts, channel: Channel | None) -> _Sent:
        estimate = observation.states if channel is None else channel.invert(observation.states)
        return _Sent(
            observation.record,
            observation.states,
            estimate,
            range(len(observation.states))[private_slice(split, observation)],
        )


def _shortlist(estimates: Tensor, table: Tensor, allowed: Tensor, size: int) -> Tensor:
    """``[n, K]``: half the nearest tokens by distance, half by angle (which a shortened vector keeps)."""
    half = min(max(size // 2, 1), int(allowed.sum()))
    scores = [similarities(estimates, table, metric) for metric in ("euclidean", "cosine")]
    return torch.cat([each.masked_fill(~allowed, -torch.inf).topk(half, dim=-1).indices for each in scores], -1)


@torch.no_grad()
def embedding_table(part: Part, position: int) -> Tensor:
    """``[V, d]``: what the first block is fed for every token at ``position``."""
    everything = torch.arange(part.vocab_size, device=part.device)[None]
    return part.embed(everything, torch.full_like(everything, position))[0]


@single_flight(maxsize=1)
@torch.no_grad()
def contextless_table(part: Part, prefix: tuple[int, ...], suffix: tuple[int, ...], *, batch: int = 512) -> Tensor:
    """``[V, d]``: the state of every token directly after the prefix (and before the suffix)."""
    around = [torch.tensor(list(ids), dtype=torch.long, device=part.device) for ids in (prefix, suffix)]
    rows = []
    for tokens in torch.split(torch.arange(part.vocab_size, device=part.device), batch):
        before, after = (ids.expand(len(tokens), -1) for ids in around)
        rows.append(part(torch.cat([before, tokens[:, None], after], 1))[:, len(prefix)])
    return torch.cat(rows)
