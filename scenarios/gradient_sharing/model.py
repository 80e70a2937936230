"""Common parts of both sides of gradient sharing: the learner, its inputs, and the server's optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.scenario import Learner, LearnerSpec, Part, Tokens, padded

__all__ = ["ServerOptimiser", "ending", "inputs", "make_learner", "token_ids"]


def make_learner(part: Part, settings: Mapping[str, Any]) -> Learner:
    """The model where training starts: public, the same for everybody."""
    return Learner(part, LearnerSpec.of(settings["learner"]))


def token_ids(text: str, tokens: Tokens, settings: Mapping[str, Any]) -> list[int]:
    """Token ids that enter the model: what it expects before a text, the truncated text, what it expects after it."""
    return [
        *tokens.prefix,
        *tokens.encode(text)[: settings["max_tokens"]],
        *ending(tokens, settings["learner"]["task"]),
    ]


def ending(tokens: Tokens, task: str) -> tuple[int, ...]:
    """Ids after a text: in language modelling also the token that begins one, so that its end is learned."""
    return tokens.suffix + (tokens.prefix[:1] if task == "language_modelling" else ())


def inputs(texts: Sequence[str], tokens: Tokens, settings: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Padded token ids and mask of texts, as wide for every party and run."""
    width = settings["max_tokens"] + len(tokens.prefix) + len(ending(tokens, settings["learner"]["task"]))
    return padded([token_ids(text, tokens, settings) for text in texts], width)


class ServerOptimiser:
    """The server's step along the mean of what clients sent (Reddi et al. 2021, algorithm 2: FedOpt)."""

    def __init__(self, start: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        self.values = {name: torch.nn.Parameter(value.clone()) for name, value in start.items()}
        kind: Any = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[settings["server_optimiser"]]
        self.optimiser: torch.optim.Optimizer = kind(list(self.values.values()), lr=settings["server_lr"])
        self.sign = 1.0 if settings["method"] == "fedsgd" else -1.0
        """A gradient points uphill, an update downhill."""

    def step(self, mean: Mapping[str, Any]) -> dict[str, Tensor]:
        """Take a step along ``mean`` (name -> tensor; what was not sent stays) and return the new global values."""
        for name, value in self.values.items():
            value.grad = (self.sign * mean[name].to(value)) if name in mean else None
        self.optimiser.step()
        return {name: value.detach() for name, value in self.values.items() if name in mean}
