"""Gradients and updates that a party asks the harness for: windows of records, DP-SGD, modules, accounting."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.defense import Defense
from harness.dp.mechanisms import DPSGD, Mechanisms
from harness.errors import DefenseError, ProtocolError
from harness.models.meter import Meter
from harness.protocol.party import Link, Party, PartyResources
from harness.protocol.training import fresh, window

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


def made() -> nn.Linear:
    return fresh(nn.Linear(5, 3), torch.Generator().manual_seed(0))


def party(defense: Defense | None = None) -> Party:
    defense = defense or Defense()
    defense.me = Mechanisms("a", torch.Generator().manual_seed(0))
    resources = PartyResources((), (), (), {}, {}, None, None, torch.Generator().manual_seed(0))
    return Party("a", resources, Link(defense, Meter()))


def plain(rows: list[int]) -> dict[str, Tensor]:
    model = made()
    loss(model, (X[rows], Y[rows])).backward()
    return {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


class Private(Defense):
    def __init__(self, clip: float = 0.5, noise: float = 0.0, rate: float | None = None) -> None:
        self.law = DPSGD(clip, noise, rate)

    def dp(self) -> DPSGD:
        return self.law


def test_a_gradient_is_that_of_its_window() -> None:
    sent = party().gradient(made(), loss, data=(X, Y), batch_size=3, start=4)
    wanted = plain([4, 5, 0])
    assert set(sent) == {"weight", "bias"}
    assert all(torch.allclose(sent[name], wanted[name]) for name in wanted)


def test_longer_windows_hold_shorter_ones_and_none_is_longer_than_the_records() -> None:
    assert window(6, 4, 4).tolist() == [4, 5, 0, 1]
    assert window(6, 4, 2).tolist() == [4, 5]
    with pytest.raises(ProtocolError, match="a batch of 7 of 6 records"):
        window(6, 0, 7)


def test_frozen_parameters_are_not_sent() -> None:
    model = made()
    model.bias.requires_grad_(False)
    assert set(party().gradient(model, loss, data=(X, Y), batch_size=2)) == {"weight"}


def test_private_gradients_are_sums_of_clipped_ones() -> None:
    sent = party(Private(clip=0.5)).gradient(made(), loss, data=(X, Y), batch_size=3)
    total: dict[str, Tensor] = {}
    for row in range(3):
        own = plain([row])
        norm = torch.cat([one.flatten() for one in own.values()]).norm()
        for name, one in own.items():
            total[name] = total.get(name, torch.zeros_like(one)) + one * min(1.0, 0.5 / float(norm))
    assert all(torch.allclose(sent[name], total[name] / 3, atol=1e-6) for name in sent)


def test_noise_has_the_declared_size() -> None:
    wide = fresh(nn.Linear(2000, 3), torch.Generator().manual_seed(0))
    data = (torch.zeros(4, 2000), torch.tensor([0, 1, 2, 0]))
    sent = party(Private(clip=2.0, noise=3.0)).gradient(wide, loss, data=data, batch_size=4)
    assert float(sent["weight"].std()) == pytest.approx(3.0 * 2.0 / 4, rel=0.05)


def test_the_ledger_counts_the_gradients_of_the_record_that_is_used_most() -> None:
    me = party(Private(noise=1.0))
    for start in (0, 2, 4, 6):  # rows 0-1, 2-3, 4-5, 0-1
        me.gradient(made(), loss, data=(X, Y), batch_size=2, start=start)
    (entry,) = me.link.defense.me.ledger()
    assert (entry.mechanism, entry.releases, entry.sample_rate) == ("dpsgd", 2, 1.0)


def test_a_sampling_rate_is_refused() -> None:
    with pytest.raises(DefenseError, match="no random sample"):
        party(Private(rate=0.1)).gradient(made(), loss, data=(X, Y), batch_size=2)


def test_modules_of_the_defense_learn_and_are_not_sent() -> None:
    module = nn.Linear(3, 1)

    class Extra(Defense):
        def modules(self) -> Iterable[nn.Module]:
            return (module,)

        def objective(self, activations: Tensor, batch: Any) -> Tensor:
            extra: Tensor = module(activations).square().mean()
            return extra

    def with_activations(model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        scores = model(batch[0])
        return nn.functional.cross_entropy(scores, batch[1]), scores

    before = module.weight.detach().clone()
    sent = party(Extra()).gradient(made(), with_activations, data=(X, Y), batch_size=6, lr=0.1)
    assert set(sent) == {"weight", "bias"}
    assert not torch.equal(module.weight, before)
    assert not torch.allclose(sent["weight"], plain(list(range(6)))["weight"])


def test_an_update_is_the_change_by_local_training() -> None:
    model, start = made(), made()
    sent = party().update(model, loss, data=(X, Y), epochs=2, batch_size=3, lr=0.1, optimiser="sgd")
    for name, one in model.named_parameters():
        assert torch.allclose(dict(start.named_parameters())[name] + sent[name], one)
    assert SimpleNamespace(**sent).weight.any()


def test_operations_are_charged_by_records() -> None:
    me = party()
    me.gradient(made(), loss, data=(X, Y), batch_size=2)
    first = me.link.meter.flops
    me.gradient(made(), loss, data=(X, Y), batch_size=6)
    assert first > 0 and me.link.meter.flops == 4 * first
