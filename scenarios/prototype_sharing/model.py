"""A client's own model on top of the frozen public encoder: features, and a classifier on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Model", "make_model"]


class Model(nn.Module):
    """Embeddings ``[n, d]`` -> features of norm 1 ``[n, K]`` and class scores ``[n, C]``.

    ``frozen``: the features are the public embeddings. ``adapter``: they are added to ``reach`` times what a bottleneck
    of ``rank`` makes of them: nothing at first, so that all clients start in the encoder's own space (residual
    adapters: Houlsby et al. 2019, section 2.1). ``projection``: a linear map to K dimensions, each client's own draw.
    """

    def __init__(self, kind: str, dimensions: int, width: int, rank: int, reach: float, classes: int) -> None:
        super().__init__()
        self.kind, self.width, self.reach = kind, width, reach
        if kind == "adapter":
            self.down, self.up = nn.Linear(dimensions, rank), nn.Linear(rank, width)
        elif kind == "projection":
            self.project = nn.Linear(dimensions, width)
        self.head = nn.Linear(width, classes)

    def features(self, x: Tensor) -> Tensor:
        """Features ``[n, d] -> [n, K]`` for prototypes; of norm 1, which bounds the sensitivity of their means."""
        if self.kind == "frozen":
            return x
        adapted = x + self.reach * self.up(torch.relu(self.down(x))) if self.kind == "adapter" else self.project(x)
        return nn.functional.normalize(adapted, dim=-1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features and class scores."""
        features = self.features(x)
        return features, self.head(features)


def make_model(settings: Mapping[str, Any], dimensions: int, fresh: Callable[[nn.Module], nn.Module]) -> Model:
    """The model of ``settings``, drawn by the party's generator; an adapter starts as the identity."""
    sizes = settings["width"], settings["rank"], settings["reach"], len(settings["labels"])
    model = Model(settings["features"], dimensions, *sizes)
    fresh(model)
    if model.kind == "adapter":
        nn.init.zeros_(model.up.weight)
    return model
