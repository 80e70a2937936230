"""Ridge inverter: the closed-form linear map from message space to the embedding table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from attacks.embedding_inversion.linear_inverters import (
    Inverter,
    channel_inverter,
    clean_inverter,
    sent_moments,
    training_sequences,
)
from attacks.embedding_inversion.nearest_rows import nearest
from attacks.toolkit.defense_channel.live import live_channel
from attacks.toolkit.readers.hidden_states import TokenStates, allowed_tokens, private_ids, private_slice, token_states
from attacks.toolkit.rewriting import originals
from attacks.toolkit.ridge import fit_ridge
from harness.attack import Attack, SplitFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Observation, Public, View

__all__ = ["RidgeInverter", "accuracy", "read_tokens"]

SHARES = (1.0, 0.25, 0.0)
"""Shares of the noise variance that an inverter allows for.

All of it is best for squared error, which is not the share of tokens read: weak noise is read better by an inverter
that shrinks less.
"""


class RidgeInverter(Attack):
    """Linear regression from what a position sends to its token's embedding, then the nearest token by angle.

    Fitted on public-weight states of auxiliary texts and of random token sequences, which cover the rest of
    the vocabulary. The adaptive variant fits several inverters and keeps the one that reads held-out pairs better:
    on the clean states moved through the channel, its noise in exact expectation (or part of it, see
    :data:`SHARES`), and on the messages of the pairs themselves (known ones where there are any, else simulated),
    which assumes nothing about the defense.
    """

    name: ClassVar[str] = "ridge_inverter"
    summary: ClassVar[str] = "closed-form linear inversion of states into token embeddings"
    source: ClassVar[str] = "learned inversion as in Chen et al. 2024 (BiSR, SIP stage), in closed form"
    needs: ClassVar[tuple[type[Facts], ...]] = (SplitFacts,)

    def __init__(self, *, texts: int = 1000, probes: int = 250, penalty: float = 10.0, simulated: int = 64) -> None:
        self.texts = texts
        self.probes = probes
        self.penalty = penalty
        self.simulated = simulated

    def refuses(self, public: Public) -> str | None:
        """Pooled messages have no token positions."""
        pooled = "a pooled message has no token positions"
        return super().refuses(public) or (pooled if public.need(SplitFacts).pooled else None)

    def guess(self, view: View) -> Guess:
        """Token ids of every record."""
        table = view.sessions.part(0, 0).embed_table
        sequences = training_sequences(view, self.texts, self.probes)
        clean = token_states(view, sequences)
        unseen = after(clean, sum(map(len, sequences[: self.simulated])))
        inverter = self._adaptive(view, clean, unseen) if view.adaptive else clean_inverter(clean, table, self.penalty)
        observed = view.sessions.observations()
        tokens = read_tokens(inverter, observed, view.sessions.facts, table)
        return originals(view, {one.record: ids for one, ids in zip(observed, tokens, strict=True)})

    def _adaptive(self, view: View, clean: TokenStates, others: TokenStates) -> Inverter:
        """``others``: the clean states without those of the texts that are simulated, on which inverters compete."""
        channel, table = live_channel(view, self.simulated), view.sessions.part(0, 0).embed_table
        texts = [record.text for record in view.public.auxiliary[: self.simulated]]
        pairs = [p for p in view.sessions.known_pairs() or view.sessions.simulate(texts) if p.ids is not None]
        fitted = [] if view.defense.laws else [pair for number, pair in enumerate(pairs) if number % 4]
        held = pairs[::4] if fitted else pairs

        def score(inverter: Inverter) -> float:
            return accuracy(inverter, held, view.sessions.facts, table)

        competing = sent_moments(channel, others, table)
        # A declared law is exact: a fit on pairs would add nothing to it.
        direct = [self._direct(fitted, view.sessions.facts, table)] if fitted else []
        shares = {
            share: score(channel_inverter(channel, competing, self.penalty, share))
            for share in (SHARES if channel.noisy else SHARES[:1])
        }
        best = max(shares, key=lambda share: shares[share])
        for rival in direct:
            if score(rival) > shares[best]:
                return rival
        return channel_inverter(channel, sent_moments(channel, clean, table), self.penalty, best)

    def _direct(self, pairs: Sequence[Observation], split: SplitFacts, table: Tensor) -> Inverter:
        rows = torch.cat([pair.states[private_slice(split, pair)] for pair in pairs])
        ids = [token for pair in pairs for token in private_ids(split, pair)]
        linear = fit_ridge(rows, table[torch.tensor(ids, device=table.device)], self.penalty)
        return lambda messages, start: linear(messages)


def after(clean: TokenStates, count: int) -> TokenStates:
    """Without the first ``count`` rows, unless none would be left."""
    start = count if count < len(clean.ids) else 0
    return TokenStates(clean.states[start:], clean.ids[start:], clean.positions[start:])


def read_tokens(inverter: Inverter, sent: Sequence[Observation], split: SplitFacts, table: Tensor) -> list[list[int]]:
    """For each session, the ordinary tokens whose embeddings have the smallest angle to the estimates."""
    if not sent:
        return []
    estimates = [inverter(one.states, 0)[private_slice(split, one)] for one in sent]
    allowed = allowed_tokens(split, len(table)).to(table.device)
    tokens = nearest(torch.cat(estimates), table, "cosine", allowed)
    return [rows.tolist() for rows in torch.split(tokens, [len(one) for one in estimates])]


def accuracy(inverter: Inverter, pairs: Sequence[Observation], split: SplitFacts, table: Tensor) -> float:
    """Share of the private tokens of ``pairs`` that an inverter reads right; 0 of none."""
    truth = [token for pair in pairs for token in private_ids(split, pair)]
    read = [token for ids in read_tokens(inverter, pairs, split, table) for token in ids]
    return sum(a == b for a, b in zip(truth, read, strict=True)) / max(len(truth), 1)
