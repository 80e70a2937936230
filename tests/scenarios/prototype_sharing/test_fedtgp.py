"""FedTGP's margin, loss and trained prototypes, against slow definitions and closed forms."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.models.meter import Meter
from harness.protocol.training import TrainingPlan, fresh, train
from scenarios.prototype_sharing.fedproto import Prototypes, nearest
from scenarios.prototype_sharing.fedtgp import PrototypeGenerator, adaptive_margin, contrastive_loss


def rng(seed: int = 0) -> Any:
    return torch.Generator().manual_seed(seed)


def data(seed: int, n: int, d: int = 5, classes: int = 4) -> Any:
    return torch.randn(n, d, generator=rng(seed)), torch.randint(classes, (n,), generator=rng(seed + 1))


CORNERS = [Prototypes([0, 1, 2], torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]))]


def test_margins_of_a_triangle() -> None:
    """Sides 3, 4, 5: the paper takes the longest, the released code the largest of the nearest distances (3, 3, 4)."""
    assert adaptive_margin(CORNERS, "paper", 100.0) == pytest.approx(5.0)
    assert adaptive_margin(CORNERS, "code", 100.0) == pytest.approx(4.0)
    assert adaptive_margin(CORNERS, "paper", 2.5) == 2.5
    assert adaptive_margin([Prototypes([1], torch.ones(1, 2))], "paper", 100.0) == 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0, 3))
def test_contrastive_loss_is_equation_7(seed: int, margin: Any) -> None:
    sent, names = data(seed, 6, d=3)
    table = torch.randn(4, 3, generator=rng(seed + 5))
    total = 0.0
    for p, name in zip(sent, names.tolist(), strict=True):
        own = math.exp(-(float((p - table[name]).norm()) + margin))
        others = sum(math.exp(-float((p - q).norm())) for c, q in enumerate(table) if c != name)
        total -= math.log(own / (own + others))
    assert float(contrastive_loss(lambda: table, (sent, names), margin)) == pytest.approx(total / 6, rel=1e-4)


def test_trained_prototypes_separate_classes() -> None:
    """They classify what clients sent, and a class that nobody sent gets one too."""
    corners = torch.tensor([[1.0, 0.2], [0.8, -0.2], [-1.0, 0.2], [-0.8, -0.2]])
    sent, names = torch.nn.functional.pad(corners, (0, 14)), torch.tensor([0, 0, 1, 1])
    generator = fresh(PrototypeGenerator(3, 16), rng())
    train(
        generator,
        lambda model, batch: contrastive_loss(model, batch, 1.0),
        TrainingPlan((sent, names), 400, 4, 0.1, "sgd"),
        rng(),
        Meter(),
    )
    made = generator().detach()
    assert made.shape == (3, 16)
    assert nearest(sent, Prototypes([0, 1, 2], made)) == [0, 0, 1, 1]
