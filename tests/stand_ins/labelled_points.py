"""Points of several classes, for task models."""

from __future__ import annotations

import numpy as np

from harness.util.arrays import Floats

__all__ = ["labelled_points"]


def labelled_points(classes: int, n: int, seed: int = 0) -> tuple[Floats, list[str]]:
    """Points around one centre per class, labels ``a``, ``b``, ..."""
    rng = np.random.default_rng(seed)
    y = [int(c) for c in rng.integers(classes, size=n)]
    centres = rng.normal(size=(classes, 6))
    return centres[y] + rng.normal(size=(n, 6)), ["abcdef"[c] for c in y]
