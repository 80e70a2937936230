"""Linear maps from messages to token embeddings, fitted on states of the attacker's own texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from attacks.toolkit.defense_channel.channel import Channel
from attacks.toolkit.readers.hidden_states import Sequences, TokenStates, auxiliary_sequences, probe_sequences, resized
from attacks.toolkit.ridge import NormalEquations, fit_ridge

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["Inverter", "channel_inverter", "clean_inverter", "sent_moments", "training_sequences"]

Inverter = Callable[[Tensor, int], Tensor]
"""Messages ``[T, e]`` and the position of the first of them, to embedding estimates ``[T, w]``."""


def clean_inverter(clean: TokenStates, table: Tensor, penalty: float) -> Inverter:
    """Fitted on clean states, as if there were no defense."""
    linear = fit_ridge(clean.states, table[clean.ids], penalty)
    return lambda messages, start: linear(resized(messages, clean.states.shape[1]))


def sent_moments(channel: Channel, clean: TokenStates, table: Tensor) -> NormalEquations:
    """Normal equations of clean states moved through ``channel``, without its noise, and their tokens' embeddings."""
    return NormalEquations.of(channel.imitate(clean.states), table[clean.ids])


def channel_inverter(channel: Channel, sent: NormalEquations, penalty: float, share: float = 1.0) -> Inverter:
    """Fitted on what ``channel`` makes of clean states, in exact expectation over ``share`` of its noise variance."""
    linear = sent.ridge(penalty, noise_variance=share * channel.noise.variance)
    return lambda messages, start: linear(channel.centre(messages, start))


def training_sequences(view: View, texts: int, probes: int) -> Sequences:
    """Training sequences of inverters: auxiliary texts, and random sequences for the rest of the vocabulary."""
    vocabulary = len(view.sessions.part(0, 0).embed_table)
    return auxiliary_sequences(view, texts) + probe_sequences(view.sessions.facts, vocabulary, probes)
