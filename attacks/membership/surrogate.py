"""A copy of a party's model, distilled from what it said on public texts, to be asked about texts it was never sent.

The passive channel: candidates are not among the public texts, so nobody saw the party's logits on them. A student
fitted to (public text, logits) pairs answers in its place. Where the party's model is linear on a public encoder, and
there are more public texts than dimensions, the student is the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attacks.membership.confidence import logit_confidence
from harness.attack import DataError, Floats, Ints

__all__ = ["PENALTIES", "Basis", "Student", "distilled_lira", "draw_subsets", "fit_student", "prepare"]

PENALTIES = tuple(10.0**power for power in range(-6, 4))
"""Ridge penalties that are tried, per record of the public set."""


@dataclass(frozen=True)
class Basis:
    """Singular value decomposition of the centred public embeddings: made once, used for every party and shadow."""

    middle: Floats
    left: Floats
    values: Floats
    right: Floats

    def rows(self, chosen: Ints) -> Floats:
        """The embeddings ``[len(chosen), d]`` of some public texts."""
        return np.asarray((self.left[chosen] * self.values) @ self.right + self.middle, dtype=np.float64)


@dataclass(frozen=True)
class Student:
    """Linear on frozen embeddings: ``weight [d, classes]``, ``bias [classes]``."""

    weight: Floats
    bias: Floats
    penalty: float

    def logits(self, embeddings: Floats) -> Floats:
        """Logits ``[m, classes]``, centred over classes."""
        return np.asarray(embeddings @ self.weight + self.bias, dtype=np.float64)


def prepare(embeddings: Floats) -> Basis:
    """The basis of public ``embeddings [n, d]``; :class:`DataError` unless they are at least 3 finite rows."""
    if embeddings.ndim != 2 or len(embeddings) < 3 or not np.isfinite(embeddings).all():
        raise DataError(f"surrogate: public embeddings {list(embeddings.shape)}; give at least 3 finite rows [n, d]")
    middle = embeddings.mean(0)
    return Basis(middle, *np.linalg.svd(embeddings - middle, full_matrices=False))


def fit_student(basis: Basis, logits: Floats, penalties: Sequence[float] = PENALTIES) -> Student:
    """Ridge regression of ``logits [n, classes]``, centred over classes, on the basis' embeddings.

    The penalty is the one with the smallest leave-one-out error, in closed form (Golub, Heath, Wahba 1979, section 1).

    Raises:
        DataError: not one row of finite logits for each public text.
    """
    if logits.ndim != 2 or len(logits) != len(basis.left) or not np.isfinite(logits).all():
        raise DataError(
            f"surrogate: logits {list(logits.shape)} for {len(basis.left)} public texts; give one finite row for each "
            "(bound truncated logits first)"
        )
    centred = logits - logits.mean(1, keepdims=True)
    bias = centred.mean(0)
    seen = basis.left.T @ (centred - bias)

    def error(penalty: float) -> float:
        kept = basis.values**2 / (basis.values**2 + penalty * len(logits))
        rest = (centred - bias) - basis.left @ (kept[:, None] * seen)
        leverage = (basis.left**2) @ kept + 1.0 / len(logits)
        return float(((rest / np.maximum(1.0 - leverage, 1e-9)[:, None]) ** 2).sum())

    best = min(penalties, key=error)
    weight = basis.right.T @ ((basis.values / (basis.values**2 + best * len(logits)))[:, None] * seen)
    return Student(weight, bias - basis.middle @ weight, best)


def draw_subsets(
    basis: Basis, rng: np.random.Generator, *, students: int = 16, share: float = 0.8
) -> list[tuple[Ints, Basis]]:
    """For each student a random ``share`` of the public texts, as rows and prepared: made once for all parties."""
    size = int(len(basis.left) * share)
    rows = [rng.choice(len(basis.left), size=size, replace=False) for _ in range(students)]
    return [(some, prepare(basis.rows(some))) for some in rows]


def distilled_lira(
    target: Floats, subsets: Sequence[tuple[Ints, Basis]], logits: Floats, candidates: Floats, labels: Ints
) -> Floats:
    """How far the party's own confidence ``target [m]`` lies above that of its students, in pooled deviations ``[m]``.

    Students inherit the party's bias but not what it memorised, and so stand for models that never saw the record:
    each learns from ``logits [n, classes]`` on one of the :func:`draw_subsets` of the public texts and is asked about
    ``candidates [m, d]`` (Distillation LiRA of Shi et al. 2025).
    """
    heads = [fit_student(basis, logits[rows]) for rows, basis in subsets]
    said = np.stack([logit_confidence(head.logits(candidates), labels) for head in heads])
    spread = float(said.var(0, ddof=1).mean()) + 1e-12
    return np.asarray((target - said.mean(0)) / spread**0.5, dtype=np.float64)
