"""Local training as the harness runs it: its sampler, its optimiser step, and DP-SGD when that is declared.

DP-SGD: Abadi et al. (2016), algorithm 1, with per-sample gradients and noise from Opacus (Yousefpour et al., 2021) and
Poisson sampling really done: every record enters a step on its own coin, so the batch size varies and may be zero.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Required, TypedDict, TypeVar, Unpack

import torch
from torch import Tensor, nn

from harness.defense import Defense
from harness.dp.mechanisms import DPSGD
from harness.errors import DefenseError, ProtocolError
from harness.models.meter import Meter

__all__ = [
    "Batch",
    "Columns",
    "Loss",
    "TrainingKnobs",
    "TrainingPlan",
    "batches",
    "fresh",
    "gradient",
    "plan",
    "poisson",
    "private_gradient",
    "train",
    "train_private",
    "trained",
    "window",
]

M = TypeVar("M", bound=nn.Module)

Batch = tuple[Tensor, ...]
Columns = Tensor | Sequence[Tensor]
"""One tensor or several, each with one row per record."""
Loss = Callable[[Any, Batch], Tensor | tuple[Tensor, Tensor]]
"""``loss(model, batch)``: the mean loss of a batch, or (loss, activations) where a defense may act on activations."""


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of training a model on ``data``: tensors whose first dimension is the records."""

    data: Batch
    epochs: float
    batch_size: int
    lr: float
    optimiser: str = "adam"
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        sizes = {len(column) for column in self.data}
        problems = [] if len(sizes) == 1 else [f"columns of {sorted(sizes)} rows; all need the same number"]
        problems += [] if self.optimiser in _OPTIMISERS else [f"optimiser {self.optimiser!r}, not adam or sgd"]
        problems += [] if self.batch_size >= 1 else [f"batch size {self.batch_size}"]
        if problems:
            raise ProtocolError("training: " + "; ".join(problems))

    @property
    def size(self) -> int:
        """Number of records."""
        return len(self.data[0])

    def rows(self, index: Tensor) -> Batch:
        """The records at ``index`` [b]."""
        return tuple(column[index] for column in self.data)


class TrainingKnobs(TypedDict, total=False):
    """The settings of a training besides its data, as parties and nets take them by keyword."""

    epochs: Required[float]
    batch_size: Required[int]
    lr: Required[float]
    optimiser: str
    weight_decay: float


def plan(data: Columns, **knobs: Unpack[TrainingKnobs]) -> TrainingPlan:
    """The plan of a training on one tensor or on several, all with one row per record."""
    return TrainingPlan((data,) if isinstance(data, Tensor) else tuple(data), **knobs)


_OPTIMISERS: dict[str, Any] = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def fresh(model: M, generator: torch.Generator) -> M:
    """Draw all parameters anew from ``generator``, in place: matrices uniform within 1/sqrt(fan-in), vectors named
    ``bias`` zero, other vectors (scales of norms) one. The library's own initialisation takes no generator.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() >= 2:
                bound = 1 / sqrt(max(1, parameter[0].numel()))
                parameter.copy_((2 * torch.rand(parameter.shape, generator=generator) - 1) * bound)
            else:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
    return model


def batches(size: int, batch_size: int, epochs: float, generator: torch.Generator) -> Iterator[Tensor]:
    """Row numbers of each step: every epoch a new permutation, cut into batches."""
    left = ceil(epochs * size)
    while left > 0 and size > 0:
        order = torch.randperm(size, generator=generator)[:left]
        left -= len(order)
        yield from torch.split(order, batch_size)


def poisson(size: int, rate: float, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Row numbers of each step when every record enters it independently with probability ``rate``."""
    for _ in range(steps):
        yield (torch.rand(size, generator=generator) < rate).nonzero().flatten()


def train(
    model: nn.Module,
    loss: Loss,
    plan: TrainingPlan,
    generator: torch.Generator,
    meter: Meter,
    defense: Defense | None = None,
) -> None:
    """Plain training, with the defense's modules in the optimiser and its objective added to the loss."""
    extra = [p for module in defense.modules() for p in module.parameters()] if defense else []
    optimiser = _optimiser([*(p for p in model.parameters() if p.requires_grad), *extra], plan)

    def step(index: Tensor) -> None:
        optimiser.zero_grad()
        _total(model, loss, plan.rows(index), defense).backward()
        optimiser.step()

    model.train()
    _run(batches(plan.size, plan.batch_size, plan.epochs, generator), step, meter)
    model.eval()


def train_private(
    model: nn.Module,
    loss: Loss,
    plan: TrainingPlan,
    dp: DPSGD,
    generator: torch.Generator,
    noise: torch.Generator,
    meter: Meter,
) -> tuple[float, int]:
    """DP-SGD; returns the sampling rate and the number of steps that were made, for the ledger.

    The divisor is the expected batch size, which does not depend on the draw.

    Raises:
        DefenseError: a rate outside (0, 1], or a clip or noise that is not positive (zero noise is allowed).
    """
    from opacus.grad_sample import GradSampleModule
    from opacus.optimizers import DPOptimizer

    rate = min(1.0, plan.batch_size / plan.size) if dp.sample_rate is None else dp.sample_rate
    _check(dp, rate)
    steps = max(1, round(plan.epochs / rate))
    wrapped = GradSampleModule(model, loss_reduction="mean", strict=False)
    optimiser = DPOptimizer(
        _optimiser([p for p in model.parameters() if p.requires_grad], plan),
        noise_multiplier=dp.noise_multiplier,
        max_grad_norm=dp.clip,
        expected_batch_size=max(1, round(rate * plan.size)),
        loss_reduction="mean",
        generator=noise,
    )

    def step(index: Tensor) -> None:
        optimiser.zero_grad()
        if len(index):
            _total(wrapped, loss, plan.rows(index), None).backward()
        else:
            _no_samples(wrapped.parameters())
        optimiser.step()

    model.train()
    with warnings.catch_warnings():
        # Opacus hooks every layer; the first one's input never needs a gradient.
        warnings.filterwarnings("ignore", "Full backward hook is firing")
        _run(poisson(plan.size, rate, steps, generator), step, meter)
    wrapped.to_standard_module()
    model.eval()
    return rate, steps


def window(size: int, start: int, length: int) -> Tensor:
    """Row numbers of ``length`` records from ``start`` on, in the order in which a party holds its records, round and
    round: a longer window from the same start holds the shorter one.

    Raises:
        ProtocolError: there are fewer records than that.
    """
    if not 1 <= length <= size:
        raise ProtocolError(f"a batch of {length} of {size} records; give a batch size from 1 to {size}")
    return (start + torch.arange(length)) % size


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a model that are trained, by name."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}


def gradient(
    model: nn.Module,
    loss: Loss,
    batch: Batch,
    defense: Defense | None = None,
    optimiser: torch.optim.Optimizer | None = None,
) -> dict[str, Tensor]:
    """Gradient of the loss of one batch by every trained parameter, by name; the defense's objective is part of the
    loss, and its modules take a step of ``optimiser``.
    """
    parameters = trained(model)
    model.train()
    for parameter in parameters.values():
        parameter.grad = None
    if optimiser is not None:
        optimiser.zero_grad()
    _total(model, loss, batch, defense).backward()
    if optimiser is not None:
        optimiser.step()
    model.eval()
    return _taken(parameters)


def private_gradient(
    model: nn.Module, loss: Loss, batch: Batch, dp: DPSGD, noise: torch.Generator
) -> dict[str, Tensor]:
    """The same of DP-SGD (Abadi et al. 2016, algorithm 1, one step): of every record the gradient, scaled to norm at
    most ``clip`` over all parameters together; their sum with noise; divided by the size of the batch.

    Records one by one: exact for every architecture, in the memory of one gradient.
    """
    _check(dp, 1.0)
    parameters = trained(model)
    total = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    model.train()
    for row in range(len(batch[0])):
        for parameter in parameters.values():
            parameter.grad = None
        _total(model, loss, tuple(column[row : row + 1] for column in batch), None).backward()
        own = _taken(parameters)
        norm = float(torch.stack([value.norm() for value in own.values()]).norm())
        for name, value in own.items():
            total[name].add_(value, alpha=min(1.0, dp.clip / max(norm, 1e-30)))
    model.eval()
    scale = dp.noise_multiplier * dp.clip
    return {
        name: (value + scale * torch.randn(value.shape, generator=noise)) / len(batch[0])
        for name, value in total.items()
    }


def _taken(parameters: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """The parameters' gradients, taken from them; zeros where the loss does not depend on one."""
    taken = {}
    for name, parameter in parameters.items():
        taken[name] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()
        parameter.grad = None
    return taken


def _optimiser(parameters: Sequence[Any], plan: TrainingPlan) -> torch.optim.Optimizer:
    optimiser: torch.optim.Optimizer = _OPTIMISERS[plan.optimiser](
        parameters, lr=plan.lr, weight_decay=plan.weight_decay
    )
    return optimiser


def _total(model: Any, loss: Loss, batch: Batch, defense: Defense | None) -> Tensor:
    result = loss(model, batch)
    value, activations = result if isinstance(result, tuple) else (result, None)
    extra = defense.objective(activations, batch) if defense is not None and activations is not None else None
    return value if extra is None else value + extra


def _check(dp: DPSGD, rate: float) -> None:
    problems = [] if dp.clip > 0 else [f"clip must be positive, got {dp.clip}"]
    problems += [] if dp.noise_multiplier >= 0 else [f"noise_multiplier is negative: {dp.noise_multiplier}"]
    problems += [] if 0 < rate <= 1 else [f"sample_rate must be in (0, 1], got {rate}"]
    if problems:
        raise DefenseError("dp(): " + "; ".join(problems))


def _no_samples(parameters: Iterator[nn.Parameter]) -> None:
    for parameter in parameters:
        if parameter.requires_grad:
            # The name under which Opacus looks for gradients of single samples; torch does not declare it.
            parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))  # type: ignore[attr-defined]


def _run(steps: Iterator[Tensor], step: Callable[[Tensor], None], meter: Meter) -> None:
    """Count the operations of the first batch that is not empty, and charge every record at its rate: the counter is
    slow, and every record costs the same.
    """
    per_record: float | None = None
    uncounted = 0
    for index in steps:
        if per_record is None and len(index):
            before = meter.flops
            with meter.counting():
                step(index)
            per_record = (meter.flops - before) / len(index)
        else:
            step(index)
            uncounted += len(index)
    meter.flops += round((per_record or 0.0) * uncounted)
