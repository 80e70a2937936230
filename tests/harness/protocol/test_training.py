"""Local training: samplers, determinism, and DP-SGD against a slow definition of its step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.defense import Defense
from harness.dp.mechanisms import DPSGD
from harness.errors import DefenseError, ProtocolError
from harness.models.meter import Meter
from harness.protocol.training import TrainingPlan, batches, fresh, poisson, train, train_private

X = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2] * 4)


def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


def made(seed: int = 0) -> Any:
    return fresh(nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Linear(4, 3)), generator(seed))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_fresh_parameters_come_from_the_generator_alone() -> None:
    torch.manual_seed(1)
    one = made()
    torch.manual_seed(2)
    other = made()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert bool((one[1].weight == 1).all())
    assert not one[0].bias.any()
    assert float(one[0].weight.detach().abs().max()) <= 5**-0.5


def test_every_epoch_uses_every_record_once() -> None:
    rows = [index.tolist() for index in batches(10, 4, 2, generator(0))]
    assert [len(r) for r in rows] == [4, 4, 2, 4, 4, 2]
    for epoch in (rows[:3], rows[3:]):
        assert sorted(i for index in epoch for i in index) == list(range(10))
    assert sum(len(index) for index in batches(10, 4, 0.5, generator(0))) == 5


def test_poisson_sampling_has_the_variance_of_coins() -> None:
    sizes = torch.tensor([float(len(index)) for index in poisson(100, 0.2, 2000, generator(0))])
    assert float(sizes.mean()) == pytest.approx(20, abs=0.4)
    assert float(sizes.var()) == pytest.approx(16, rel=0.15)


def test_training_lowers_the_loss_and_repeats() -> None:
    models = [made(), made()]
    for model in models:
        train(model, loss, TrainingPlan((X, Y), 30, 4, 0.05), generator(1), Meter())
    with torch.no_grad():
        assert float(loss(models[0], (X, Y))) < 0.7 * float(loss(made(), (X, Y)))
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))


def test_operations_are_charged_per_record() -> None:
    short, long = Meter(), Meter()
    train(made(), loss, TrainingPlan((X, Y), 1, 4, 0.01), generator(1), short)
    train(made(), loss, TrainingPlan((X, Y), 3, 4, 0.01), generator(1), long)
    assert long.flops == 3 * short.flops > 0


def test_the_defenses_modules_and_objective_take_part() -> None:
    class Bottleneck(Defense):
        def __init__(self) -> None:
            self.gate = nn.Linear(3, 1)

        def modules(self) -> list[nn.Module]:
            return [self.gate]

        def objective(self, activations: Tensor, batch: object) -> Tensor:
            return torch.as_tensor(self.gate(activations).square().mean())

    defense = Bottleneck()
    before = defense.gate.weight.detach().clone()
    train(made(), lambda m, b: (loss(m, b), m(b[0])), TrainingPlan((X, Y), 2, 4, 0.05), generator(1), Meter(), defense)
    assert not torch.equal(before, defense.gate.weight)


def test_a_private_step_is_the_clipped_sum_over_the_expected_batch() -> None:
    model, slow = made(), made()
    plan = TrainingPlan((X, Y), 1.0, 12, 0.5, "sgd")
    rate, steps = train_private(model, loss, plan, DPSGD(0.3, 0.0, 1.0), generator(1), generator(2), Meter())
    assert (rate, steps) == (1.0, 1)
    total = [torch.zeros_like(p) for p in slow.parameters()]
    for i in range(12):
        slow.zero_grad()
        loss(slow, (X[i : i + 1], Y[i : i + 1])).backward()
        grads = [p.grad for p in slow.parameters() if p.grad is not None]
        factor = min(1.0, 0.3 / float(torch.cat([g.flatten() for g in grads]).norm()))
        total = [t + factor * g for t, g in zip(total, grads, strict=True)]
    for mine, start, step in zip(model.parameters(), slow.parameters(), total, strict=True):
        assert torch.allclose(mine, start - 0.5 * step / 12, atol=1e-5)


def test_private_noise_has_the_declared_size_even_in_empty_steps() -> None:
    model = nn.Linear(50, 40, bias=False)
    start = model.weight.detach().clone()
    plan = TrainingPlan((torch.zeros(10, 50), torch.zeros(10, dtype=torch.long)), 1e-3, 1, 1.0, "sgd")
    _, steps = train_private(model, loss, plan, DPSGD(2.0, 3.0, 1e-3), generator(1), generator(2), Meter())
    assert steps == 1
    assert float((model.weight.detach() - start).std()) == pytest.approx(6.0, rel=0.1)  # expected batch: at least 1
    assert not hasattr(model.weight, "grad_sample") or model.weight.grad_sample is None


@pytest.mark.parametrize("dp", [DPSGD(0.0, 1.0), DPSGD(1.0, -1.0), DPSGD(1.0, 1.0, 1.5)])
def test_impossible_parameters_are_refused(dp: DPSGD) -> None:
    with pytest.raises(DefenseError, match=r"must be|negative"):
        train_private(made(), loss, TrainingPlan((X, Y), 1, 4, 0.1), dp, generator(1), generator(2), Meter())


def test_impossible_plans_are_refused_with_every_problem() -> None:
    with pytest.raises(ProtocolError, match=r"same number.*optimiser 'magic'.*batch size 0"):
        TrainingPlan((X, Y[:3]), 1, 0, 0.1, "magic")
