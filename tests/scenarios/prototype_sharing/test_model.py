"""The model of a client: features of norm one, and its local loss."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.protocol.training import fresh
from scenarios.prototype_sharing.client import local_loss
from scenarios.prototype_sharing.model import Model, make_model


def rng(seed: int = 0) -> Any:
    return torch.Generator().manual_seed(seed)


SHAPE = {"width": 8, "rank": 3, "reach": 0.5, "labels": ["a", "b"]}


def test_an_adapter_starts_as_the_identity_and_features_have_norm_one() -> None:
    x = torch.nn.functional.normalize(torch.randn(9, 8, generator=rng()), dim=1)

    def draw(module: Any) -> Any:
        return fresh(module, rng())

    adapter = make_model({"features": "adapter", **SHAPE}, 8, draw)
    assert torch.allclose(adapter.features(x), x, atol=1e-6)
    assert torch.equal(make_model({"features": "frozen", **SHAPE}, 8, draw).features(x), x)
    projected = make_model({"features": "projection", **SHAPE, "width": 3}, 8, draw).features(x)
    assert projected.shape == (9, 3)
    assert torch.allclose(projected.norm(dim=1), torch.ones(9), atol=1e-6)


def test_the_local_loss_pulls_towards_known_prototypes_alone() -> None:
    model = fresh(Model("frozen", 3, 3, 1, 1.0, 2), rng())
    x, y = torch.eye(3)[:2], torch.tensor([0, 1])
    targets, known = torch.tensor([[0.0, 1.0, 0.0], [7.0, 7.0, 7.0]]), torch.tensor([1.0, 0.0])
    loss, features = local_loss(model, (x, y, targets, known), 3.0)
    entropy = torch.nn.functional.cross_entropy(model(x)[1], y)
    assert torch.equal(features, x)
    assert float((loss - entropy).detach()) == pytest.approx(3.0 * 2.0 / 2)  # |e1 - e2|^2 = 2, one of two records
