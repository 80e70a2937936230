"""The curious party of gradient sharing: it averages what clients send and takes a step along it."""

from __future__ import annotations

from typing import Any

import torch

from harness.scenario import SUM, Kind, Net
from scenarios.gradient_sharing.model import ServerOptimiser, make_learner

__all__ = ["server"]


def server(net: Net) -> None:
    """Own the rounds: the mean of all gradients or updates, a step of the server's optimiser, the new values to all."""
    optimiser = ServerOptimiser(make_learner(net.part("model").part, net.settings).state(), net.settings)
    summed = net.settings["aggregation"] == "sum"
    for _ in range(net.rounds):
        heard = net.gather(reduce="sum" if summed else None)
        share = 1 / len(net.parties)
        first: Any = next(iter(heard.values()))
        messages = [heard[SUM]] if summed else list(heard.values())
        mean = {name: share * torch.stack([m[name].float() for m in messages]).sum(0) for name in first.payload}
        net.scatter_all(Kind.PARAMETERS, **optimiser.step(mean))
