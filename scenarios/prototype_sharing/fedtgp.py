"""FedTGP: global prototypes that the server trains.

Zhang et al. (2024), "FedTGP: trainable global prototypes with adaptive-margin-enhanced contrastive learning for data
and model heterogeneity in federated learning", sections 3.3 and 3.4: a network on the server makes one prototype for
every class from an embedding of its own; it learns to make them close to the clients' prototypes of the class and,
by a margin, far from those of all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.scenario import Net
from scenarios.prototype_sharing.fedproto import Prototypes, averaged

__all__ = ["PrototypeGenerator", "adaptive_margin", "contrastive_loss", "train_prototypes"]


class PrototypeGenerator(nn.Module):
    """``[C, K]`` prototypes from learned codes ``[C, K]`` through two layers (section 3.3)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.codes = nn.Parameter(torch.zeros(classes, width))
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self) -> Tensor:
        """Prototypes of all classes, in order."""
        prototypes: Tensor = self.layers(self.codes)
        return prototypes


def adaptive_margin(uploads: Sequence[Prototypes], rule: str, cap: float) -> float:
    """The margin of a round, between the equally weighted class means ``Q`` of the uploads; at most ``cap``.

    ``paper`` (equation 9): the largest distance between any two of them. ``code`` (the authors' release): the largest
    of the classes' distances to their *nearest* other class. 0 for fewer than two classes.
    """
    means = averaged(uploads, False, 0).means
    if len(means) < 2:
        return 0.0
    distances = torch.cdist(means, means)
    if rule == "code":
        distances = distances.fill_diagonal_(torch.inf).min(1).values
    return min(float(distances.max()), cap)


def contrastive_loss(model: Any, batch: tuple[Tensor, ...], margin: float) -> Tensor:
    """Equation 7: minus the log of the own class's share of ``exp(-distance)``, its distance enlarged by the margin."""
    sent, classes = batch
    distances = torch.cdist(sent, model())
    own = nn.functional.one_hot(classes, distances.shape[1])
    return nn.functional.cross_entropy(-(distances + margin * own), classes)


def train_prototypes(
    net: Net, model: nn.Module, uploads: Sequence[Prototypes], settings: Mapping[str, Any]
) -> Prototypes:
    """One round on the server: SGD on everything sent, then the prototypes of *all* classes, owned or not."""
    sent = torch.cat([upload.means for upload in uploads])
    names = torch.tensor([name for upload in uploads for name in upload.classes], dtype=torch.long)
    if len(names):
        net.train(
            model,
            partial(contrastive_loss, margin=adaptive_margin(uploads, settings["margin"], settings["margin_cap"])),
            data=(sent, names),
            epochs=settings["server_epochs"],
            batch_size=settings["server_batch"],
            lr=settings["server_lr"],
            optimiser="sgd",
        )
    with torch.no_grad():
        means = model()
    return Prototypes(list(range(len(means))), means)
