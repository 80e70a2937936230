"""The space of a run's prototypes as an attack on that run knows it: from its shadow runs, or from what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from attacks.prototype.moments import Moments
from attacks.prototype.reading import embeddings, labels_of, prototypes
from attacks.prototype.space import Pair, Space, declared_variance, learn_space, public_space, shadow_pairs
from harness.attack import Floats

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["candidate_points", "pairs_of", "space_of"]


def candidate_points(view: View, size: int) -> Floats:
    """Public embeddings of the candidates ``[m, d]``, d being ``size``; ``[0, d]`` where none are asked about."""
    return embeddings(view, [one.text for one in view.candidates]) if view.candidates else np.zeros((0, size))


def pairs_of(view: View, budget: int, models: Mapping[str, Moments]) -> list[Pair]:
    """Prototypes of ``budget`` shadow runs beside what is known of the records behind them; adaptive shadow runs carry
    the defense."""
    points = candidate_points(view, _size(models))
    runs = view.shadows(budget) if budget else ()
    return shadow_pairs(runs, view.candidates, points, models, labels_of(view.public))


def space_of(view: View, budget: int, models: Mapping[str, Moments]) -> Space:
    """Learned on ``budget`` shadow runs, and with it the noise, which may depend on the count; with too few of them the
    public space under declared noise.

    Raises:
        SuiteError: prototypes have another size than public embeddings, and there are too few pairs to learn a map.
    """
    size, live = _size(models), prototypes(view.transcript, labels_of(view.public))
    fallback = public_space(size, declared_variance(view))
    return learn_space(pairs_of(view, budget, models), models, (size, *{len(p.vector) for p in live}), fallback)


def _size(models: Mapping[str, Moments]) -> int:
    return len(next(iter(models.values())).mean)
