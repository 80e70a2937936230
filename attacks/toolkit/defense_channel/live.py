"""Channel of the live deployment, from simulations, known pairs and declared laws of a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from attacks.toolkit.defense_channel.channel import Channel, explained, fit_channel

if TYPE_CHECKING:
    from harness.attack import Observation, View

__all__ = ["live_channel", "with_plain"]

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
    channel = fit_channel(simulated, laws, skip=skip, pooled=split.pooled)
    known = with_plain(view, view.sessions.known_pairs())
    if not known:
        return channel
    expected = explained(channel, simulated, skip=skip, pooled=split.pooled)
    if explained(channel, known, skip=skip, pooled=split.pooled) <= 1.25 * expected + 1e-6:
        return channel
    return fit_channel(known, laws, skip=skip, pooled=split.pooled)


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
