"""A malicious server of gradient sharing: before attacked rounds it sends a model whose gradients hold single tokens.

After Fowl et al. (2023), "Decepticons", sections 3.2-3.4, for encoders of BERT's architecture: no module is added, only
values of trained parameters change. Its results stand in a track of their own.

1. Attention averages (queries and keys are zero) and adds to every token of a text the same vector, the text's
   *signature*, in a few random directions U; in later blocks it adds nothing.
2. Norms have no scale and no shift, feed-forward layers add next to nothing: every block sees the same states x.
3. All rows of a block's first feed-forward layer are one measurement K m, and its biases -K q_j cut the line into bins:
   row j is switched on by the tokens with m x > q_j, so that neighbouring rows' gradients differ by the tokens of one
   bin. A token alone in its bin is read off as the quotient of the weight's difference and the bias's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from harness.scenario import MALICIOUS, SuiteError
from scenarios.gradient_sharing.model import make_learner
from scenarios.gradient_sharing.server import server as honest

if TYPE_CHECKING:
    from harness.scenario import Kind, Learner, Net

__all__ = ["imprint", "server"]

SIGNATURE = 16
"""Directions of a text's signature, at most a sixth of the width."""
SHARPNESS = 3e5
"""K: a token is between on and off within some 5 / K of a threshold."""
PUSH = 1e-5
"""Typical size of what a feed-forward layer adds to a state's coordinates, which are of size 1."""


def server(net: Net) -> None:
    """The honest server but, where it acts, for what it sends before attacked rounds."""
    if net.behaviour != MALICIOUS:
        honest(net)
        return
    learner = make_learner(net.part("model").part, net.settings)
    trap = imprint(learner, cast("Any", net.settings["known_ids"]), net.generator)
    honest(cast("Net", _Altering(net, trap, frozenset(cast("Any", net.settings["attacked"])))))


@dataclass
class _Altering:
    """A net that sends other values of some parameters before attacked rounds."""

    net: Net
    trap: Mapping[str, Tensor]
    attacked: frozenset[int]
    sent: int = field(default=0, init=False)
    """Rounds that were answered."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.net, name)

    def scatter_all(self, kind: Kind, **payload: Any) -> None:
        """Answer every party with the payload or, before an attacked round, with the trap in it."""
        self.sent += 1
        changed = {name: self.trap.get(name, value) for name, value in payload.items()}
        self.net.scatter_all(kind, **(changed if self.sent in self.attacked else payload))


@torch.no_grad()
def imprint(learner: Learner, texts: Sequence[Sequence[int]], rng: torch.Generator) -> dict[str, Tensor]:
    """Values of trained parameters that make single tokens readable; all others stay as they are.

    ``texts``: ids of texts like the private ones, from which the bins are placed.

    Raises:
        SuiteError: the model is no encoder of BERT's architecture.
    """
    part, width = learner.part, learner.part.hidden_size
    if part.family not in ("bert", "roberta"):
        raise SuiteError(f"server: the malicious one alters encoders of BERT's architecture; this is {part.family}")
    states = [part.embed(torch.tensor([list(ids)]), torch.arange(len(ids))[None])[0].float() for ids in texts]
    rank = min(SIGNATURE, width // 6)
    basis = torch.linalg.qr(torch.cat([torch.ones(width, 1), torch.randn(width, rank, generator=rng)], 1)).Q[:, 1:]
    reading = _reading(states, torch.randn(rank, width, generator=rng))
    middle = torch.stack([reading @ one.mean(0) for one in states]).mean(0)
    known = torch.cat([_normal(one + basis @ (reading @ one.mean(0) - middle)) for one in states])
    values: dict[str, Tensor] = {}
    for number, block in enumerate(part.blocks):
        own = {name: torch.zeros_like(value) for name, value in block.named_parameters()}
        for name, value in own.items():
            if name.endswith("LayerNorm.weight"):
                value.fill_(1.0)
        if number == 0:
            own["attention.self.value.weight"][:rank] = reading
            own["attention.output.dense.weight"][:, :rank] = basis
            own["attention.output.dense.bias"].copy_(-(basis @ middle))
        _bins(own, known, rng)
        values |= {f"part.blocks.{number}.{name}": value for name, value in own.items()}
    trained = learner.named_trained()
    return {name: value for name, value in values.items() if name in trained}


def _reading(states: Sequence[Tensor], directions: Tensor) -> Tensor:
    """``directions [k, d]``, scaled so that the known texts' signatures spread as far as their tokens do."""
    spread = torch.stack([directions @ one.mean(0) for one in states]).std(0).clamp_min(1e-6)
    size = torch.cat(list(states)).var(1, correction=0).mean().sqrt() * (directions.shape[1] / len(directions)) ** 0.5
    scaled: Tensor = directions * (size / spread)[:, None]
    return scaled


def _bins(own: Mapping[str, Tensor], known: Tensor, rng: torch.Generator) -> None:
    """Set a block's feed-forward layers: one measurement, as many bins as there are rows, equally full."""
    weight, back = own["intermediate.dense.weight"], own["output.dense.weight"]
    measure = torch.randn(weight.shape[1], generator=rng)
    measure = (measure - measure.mean()) / (measure - measure.mean()).norm()
    seen = known @ measure
    width = 1.06 * float(seen.std()) * len(seen) ** -0.2  # Silverman's rule: texts are not those that are known
    smooth = seen.repeat(max(1, 20_000 // len(seen)))
    smooth = smooth + width * torch.randn(smooth.shape, generator=rng)
    places = (torch.arange(len(weight)) + 0.5) / len(weight)
    cuts = torch.quantile(smooth.double(), places.double()).float()
    weight.copy_(SHARPNESS * measure.expand_as(weight))
    own["intermediate.dense.bias"].copy_(-SHARPNESS * cuts)
    typical = float((seen[:, None] - cuts).clamp_min(0).sum(1).mean())
    back.copy_((PUSH / (SHARPNESS * typical) * torch.randn(len(back), generator=rng))[:, None].expand_as(back))


def _normal(states: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(states, states.shape[-1:])
