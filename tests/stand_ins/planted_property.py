"""Parties whose share of records with an attribute is planted: high in half of the runs, low in the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

CLASSES = 4


@dataclass(frozen=True)
class Runs:
    """Messages that each run's party would share."""

    has: np.ndarray
    logits: np.ndarray
    """[runs, n, classes]"""
    prototypes: list[dict[str, np.ndarray]]


def planted(
    rng: np.random.Generator,
    *,
    runs: int = 48,
    shares: Any = (0.2, 0.8),
    records: int = 200,
    public: int = 150,
    d: int = 16,
    attribute: float = 0.6,
) -> Runs:
    """The attribute shifts embeddings in one direction and makes some classes more frequent."""
    centres, direction = rng.normal(size=(CLASSES, d)), rng.normal(size=d)
    direction *= attribute / np.linalg.norm(direction) * 2

    def draw(share: float, count: int) -> Any:
        with_it = rng.random(count) < share
        labels = rng.integers(CLASSES, size=count)
        return centres[labels] + with_it[:, None] * direction + rng.normal(size=(count, d)), labels

    texts = draw(0.5, public)[0]
    has = rng.permutation(runs) < runs // 2
    logits, prototypes = [], []
    for with_property in has:
        x, y = draw(shares[int(with_property)], records)
        means = np.stack([x[y == c].mean(0) for c in range(CLASSES)])
        logits.append(texts @ means.T - 0.5 * (means**2).sum(1))
        prototypes.append({str(c): means[c] for c in range(CLASSES)})
    return Runs(has, np.stack(logits), prototypes)
