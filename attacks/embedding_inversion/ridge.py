"""Ridge inverter: the closed-form linear map from message space to the embedding table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from attacks.embedding_inversion.channel import Channel
from attacks.embedding_inversion.linear import Linear, fit_ridge
from attacks.embedding_inversion.nearest import nearest
from attacks.embedding_inversion.pairs import live_channel, with_plain
from attacks.embedding_inversion.states import (
    Sequences,
    TokenStates,
    allowed_tokens,
    auxiliary_sequences,
    private_ids,
    private_slice,
    probe_sequences,
    resized,
    token_states,
)
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, Observation, Public, View

__all__ = ["RidgeInverter", "training_sequences"]

Inverter = Callable[[Tensor], Tensor]
"""Messages ``[T, e]`` of positions 0 .. T-1 to embedding estimates ``[T, w]``."""


class RidgeInverter(Attack):
    """Linear regression from what a position sends to its token's embedding, then the nearest token by angle.

    Fitted on public-weight states of auxiliary texts and of random token sequences, which cover the rest of
    the vocabulary. The adaptive variant fits several inverters and keeps the one that reads held-out pairs of the
    live deployment best: on the states moved through the channel, its noise in exact expectation; on the
    messages of the pairs themselves; on clean states, applied to the messages with the defense undone.
    """

    name: ClassVar[str] = "ridge_inverter"
    summary: ClassVar[str] = "closed-form linear inversion of states into token embeddings"
    source: ClassVar[str] = "learned inversion as in Chen et al. 2024 (BiSR, SIP stage), in closed form"

    def __init__(
        self, *, texts: int = 1000, probes: int = 250, penalty: float = 10.0, simulated: int = 64
    ) -> None:
        self.texts = texts
        self.probes = probes
        self.penalty = penalty
        self.simulated = simulated

    def refuses(self, public: Public) -> str | None:
        """Pooled messages have no token positions."""
        return "a pooled message has no token positions" if public.pooled else None

    def guess(self, view: View) -> Guess:
        """Token ids of every record."""
        table = view.part(0, 0).embed_table
        clean = token_states(view, training_sequences(view, self.texts, self.probes))
        inverter = self._adaptive(view, clean, table) if view.adaptive else self._oblivious(clean, table)
        return {one.record: _read(inverter, one, view.public, table) for one in view.observations()}

    def _oblivious(self, clean: TokenStates, table: Tensor) -> Inverter:
        linear = fit_ridge(clean.states, table[clean.ids], self.penalty)
        return lambda messages: linear(resized(messages, clean.states.shape[1]))

    def _adaptive(self, view: View, clean: TokenStates, table: Tensor) -> Inverter:
        channel = live_channel(view, self.simulated)
        texts = [record.text for record in view.public.auxiliary[: self.simulated]]
        known = with_plain(view, view.known_pairs())
        pairs = known or view.simulate(texts)
        held = pairs[::4]
        fitted = [pair for number, pair in enumerate(pairs) if number % 4]
        options = self._options(channel, clean, table, fitted, view.public)
        return max(options, key=lambda inverter: _accuracy(inverter, held, view.public, table))

    def _options(
        self, channel: Channel, clean: TokenStates, table: Tensor, pairs: Sequence[Observation], public: Public
    ) -> list[Inverter]:
        target = table[clean.ids]
        sent, variance = channel.imitate(clean.states), channel.noise.variance
        through = fit_ridge(sent, target, self.penalty, noise_variance=variance)
        options = [_centred(channel, through)]
        if channel.invertible_by_map(clean.states) if False else not channel.noisy:
            plain = fit_ridge(clean.states, target, self.penalty)
            options.append(lambda messages: plain(channel.invert(messages)))
        if pairs:
            rows = torch.cat([pair.states[private_slice(public, pair)] for pair in pairs])
            ids = torch.tensor([token for pair in pairs for token in private_ids(public, pair)], device=rows.device)
            options.append(fit_ridge(rows, table[ids], self.penalty))
        return options
