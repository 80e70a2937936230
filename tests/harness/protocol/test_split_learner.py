"""A party's share in split training: what its defense adds learns too, and every way of sending lets gradients back."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.defense import Defense
from harness.dp.mechanisms import DPSGD, Mechanisms
from harness.errors import DefenseError
from harness.models.meter import Meter
from harness.protocol.party import Link, Party, PartyResources
from harness.wire.message import Kind, Message
from harness.wire.packing import pack_int8


def party(defense: Defense) -> Party:
    defense.me = Mechanisms("p", torch.Generator().manual_seed(0))
    resources = PartyResources((), (), (), {}, {}, None, None, torch.Generator().manual_seed(1))
    return Party("p", resources, Link(defense, Meter()))


class Scaled(Defense):
    def __init__(self) -> None:
        self.scale = nn.Linear(1, 1, bias=False)

    def modules(self) -> list[nn.Module]:
        return [self.scale]

    def objective(self, activations: Tensor, batch: Any) -> Tensor:
        return activations.sum() * self.scale.weight.sum()


def test_modules_and_the_objective_of_a_defense_learn_with_the_party() -> None:
    defense, model = Scaled(), nn.Linear(2, 2, bias=False)
    learner = party(defense).learner([model], lr=0.1)
    before = (defense.scale.weight.detach().clone(), model.weight.detach().clone())
    extra = learner.objective(model(torch.ones(1, 2)), None)
    assert extra is not None
    extra.backward()
    learner.step()
    assert not torch.equal(before[0], defense.scale.weight) and not torch.equal(before[1], model.weight)
    assert model.weight.grad is None, "the next step begins from nothing"


def test_dp_sgd_is_refused() -> None:
    class Private(Defense):
        def dp(self) -> DPSGD:
            return DPSGD(1.0, 1.0)

    with pytest.raises(DefenseError, match="split between parties"):
        party(Private()).learner([nn.Linear(1, 1)], lr=0.1)


class Packs(Defense):
    def send(self, message: Message) -> Message:
        return message.replace(hidden=pack_int8(message["hidden"]))


class Detaches(Defense):
    def send(self, message: Message) -> Message:
        return message.replace(hidden=message["hidden"].detach() + 1)


@pytest.mark.parametrize("defense", [Defense, Packs, Detaches])
def test_a_gradient_goes_back_through_whatever_was_sent(defense: type[Defense]) -> None:
    """A packed field ended in an error: nothing of it was a tensor with a graph."""
    me, model = party(defense()), nn.Linear(3, 3, bias=False)
    sent = me.send(Kind.HIDDEN, hidden=model(torch.eye(3)))
    me.backward(sent, "hidden", torch.ones(3, 3))
    assert model.weight.grad is not None
    assert torch.equal(model.weight.grad, torch.ones(3, 3)), "straight through"
