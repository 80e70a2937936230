"""Channel of the live deployment, from simulations, known pairs and declared laws of a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from attacks.toolkit.defense_channel.channel import Channel, explained, fit_channel
from attacks.toolkit.readers.hidden_states import auxiliary_sequences, forward_part, whole_states
from harness.attack import Observation

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["live_channel", "with_plain"]

MORE_TEXTS = 120
"""Texts whose states are sent through the defense where simulations alone explain too little."""
LAW_TEXTS = 4
"""Simulated texts where the law is known; as many as the harness confirms laws on, so they cost nothing more."""


def live_channel(view: View, texts: int = 64) -> Channel:
    """The channel fitted on simulations of ``texts`` auxiliary texts, if the live deployment obeys it.

    Where the known pairs of the live deployment contradict the simulations (a secret drawn once, such as a
    rotation), the channel is fitted on the known pairs instead.
    """
    split, laws = view.sessions.facts, view.defense.laws
    skip = len(split.prefix)
    # A declared law was confirmed on simulations before; a few of them are enough to build its channel.
    texts = min(texts, LAW_TEXTS) if laws else texts
    simulated = view.sessions.simulate([record.text for record in view.public.auxiliary[:texts]])
    channel = _simulated_channel(view, simulated)
    known = with_plain(view, view.sessions.known_pairs())
    if not known:
        return channel
    expected = explained(channel, simulated, skip=skip, pooled=split.pooled)
    if explained(channel, known, skip=skip, pooled=split.pooled) <= 1.25 * expected + 1e-6:
        return channel
    return fit_channel(known, laws, skip=skip, pooled=split.pooled)


def _simulated_channel(view: View, simulated: Sequence[Observation]) -> Channel:
    """The channel fitted on ``simulated`` alone where that explains them, else on many states sent through the defense.

    A few simulated texts have fewer rows than a state has coordinates: no rotation or projection is learned from them.
    """
    split, laws = view.sessions.facts, view.defense.laws
    skip = len(split.prefix)
    channel = fit_channel(simulated, laws, skip=skip, pooled=split.pooled)
    if laws or split.pooled or channel.exact:
        return channel
    sequences = auxiliary_sequences(view, MORE_TEXTS)
    plain = whole_states(forward_part(view), sequences, split.prefix, split.suffix)
    sent = view.sessions.defend(plain)
    pairs = [Observation("own", m, x, None, len(x)) for m, x in zip(sent, plain, strict=True)]
    more = fit_channel(pairs, laws, skip=skip)
    # Equal states can be sent in another way elsewhere: what is learned must hold for the simulations, and better than
    # what half of them say about the other half.
    half = fit_channel(simulated[::2], laws, skip=skip)
    less = explained(half, simulated[1::2] or simulated, skip=skip)
    return more if explained(more, simulated, skip=skip) < less else channel


@torch.no_grad()
def with_plain(view: View, pairs: Sequence[Observation]) -> list[Observation]:
    """``pairs`` with the plain states filled in from the public weights where they are missing.

    Raises:
        ValueError: a pair has neither plain states nor token ids.
    """
    return [pair if pair.plain is not None else _recomputed(view, pair) for pair in pairs]


def _recomputed(view: View, pair: Observation) -> Observation:
    if pair.ids is None:
        raise ValueError(f"known pair {pair.record!r} has neither plain states nor token ids")
    states = view.sessions.part(0, view.sessions.facts.cut)(pair.ids[None].to(view.device))[0]
    pooled = torch.nn.functional.normalize(states.mean(0), dim=0) if view.sessions.facts.pooled else states
    return replace(pair, plain=pooled)
