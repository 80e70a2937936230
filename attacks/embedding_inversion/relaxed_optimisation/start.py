"""Start of relaxed optimisation: linear estimates of the embeddings, learned on the attacker's own texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import normalize

from attacks.embedding_inversion.linear_inverters import (
    Inverter,
    channel_inverter,
    clean_inverter,
    sent_moments,
    training_sequences,
)
from attacks.embedding_inversion.relaxed_optimisation.search import Problem
from attacks.toolkit.readers.hidden_states import auxiliary_sequences, clean_states, forward_part, resized, token_states
from attacks.toolkit.ridge import fit_ridge

if TYPE_CHECKING:
    from attacks.toolkit.defense_channel.channel import Channel
    from harness.attack import View

__all__ = ["Start", "pooled_start", "token_start"]

PENALTY = 10.0
LIKELY = 32
"""Tokens that a pooled message is first searched for."""


@dataclass(frozen=True)
class Start:
    """``read(problem, T)`` gives embedding estimates ``[B, T, w]`` and likely tokens ``[B, J]`` of texts."""

    read: Callable[[Problem, int], tuple[Tensor, Tensor]]
    spread: Tensor
    """Standard deviation over the attacker's own texts of a message's mean, ``[e]``."""


def token_start(view: View, channel: Channel | None, texts: int, probes: int) -> Start:
    """Ridge from the message of a position to its token's embedding."""
    table = view.sessions.part(0, 0).embed_table.detach()
    clean = token_states(view, training_sequences(view, texts, probes))
    if channel is None:
        inverter, spread = clean_inverter(clean, table, PENALTY), clean.states.std(0).clamp_min(1e-6)
    else:
        inverter, spread = channel_inverter(channel, sent_moments(channel, clean, table), PENALTY), channel.spread
    return Start(lambda problem, length: _per_token(inverter, problem, length), spread)


def _per_token(inverter: Inverter, problem: Problem, length: int) -> tuple[Tensor, Tensor]:
    begin = len(problem.prefix)
    private = problem.messages[:, begin - problem.first :][:, :length]
    estimates = torch.stack([inverter(one, begin) for one in private])
    return estimates, torch.zeros(len(private), 0, dtype=torch.long, device=private.device)


def pooled_start(view: View, channel: Channel | None, texts: int, probes: int) -> Start:
    """Ridge from a pooled message to the text's mean embedding, and to which tokens occur (a bag of words).

    The estimate is the same for every position; ``probes`` is not used (random tokens have no bag to learn).
    """
    split, table = view.sessions.facts, view.sessions.part(0, 0).embed_table.detach()
    ids = auxiliary_sequences(view, texts)
    whole = tuple((*split.prefix, *one, *split.suffix) for one in ids)
    plain = torch.stack([normalize(one.mean(0), dim=-1) for one in clean_states(forward_part(view), whole)])
    sent = plain if channel is None else channel.imitate(plain)
    variance = 0.0 if channel is None else channel.noise.variance
    means = torch.stack([table[torch.tensor(one, device=table.device)].mean(0) for one in ids])
    seen = torch.tensor(sorted({token for one in ids for token in one}), device=table.device)
    occurs = torch.stack([torch.isin(seen, torch.tensor(one, device=seen.device)) for one in ids]).to(plain.dtype)
    mean = fit_ridge(sent, means, PENALTY, noise_variance=variance)
    bag = fit_ridge(sent, occurs, PENALTY, noise_variance=variance)

    def read(problem: Problem, length: int) -> tuple[Tensor, Tensor]:
        messages = resized(problem.messages[:, 0], sent.shape[1])
        estimates = mean(messages)[:, None].expand(-1, length, -1)
        return estimates, seen[bag(messages).topk(min(LIKELY, len(seen)), dim=-1).indices]

    return Start(read, plain.std(0).clamp_min(1e-6) if channel is None else channel.spread)
