"""The shadow meta-classifier: shadows with and without the property teach what its traces look like.

Ateniese et al. 2015, "Hacking Smart Machines with Smarter Ones"; Ganju et al. 2018. Here the traces are what the party
sent, and the classifier is logistic regression on principal components.
"""

from __future__ import annotations

import numpy as np

from harness.attack import DataError, Floats, Ints, Mask

__all__ = ["each_in_turn", "property_score"]

COMPONENTS = 50


def property_score(
    target: Floats, shadows: Floats, has: Mask, rng: np.random.Generator, *, components: int = COMPONENTS
) -> float:
    """Log-odds that ``target [features]`` has the property, learned from ``shadows [s, features]``, ``has [s]``.

    As many shadows are used with as without it, drawn at random where one side has more: otherwise, with each shadow
    a target in turn, those that remain would tell the label of the one that was left out.

    Raises:
        DataError: shapes do not fit, a value is not finite, or fewer than two shadows on a side.
    """
    from sklearn.linear_model import LogisticRegression

    _check(target, shadows, has)
    rows = _balanced(has, rng)
    inputs, mine = _components(shadows[rows], target, components)
    model = LogisticRegression(max_iter=1000, solver="newton-cholesky").fit(inputs, has[rows])
    return float(model.decision_function(mine[None])[0])


def each_in_turn(features: Floats, has: Mask, rng: np.random.Generator, *, components: int = COMPONENTS) -> Floats:
    """Log-odds ``[s]`` of every run of ``features [s, features]`` as the target, with all others as its shadows."""
    runs = np.arange(len(features))
    others = [runs != one for one in runs]
    scores = [
        property_score(features[one], features[rest], has[rest], rng, components=components)
        for one, rest in zip(runs, others, strict=True)
    ]
    return np.array(scores)


def _components(shadows: Floats, target: Floats, components: int) -> tuple[Floats, Floats]:
    """Shadows ``[s, k]`` and target ``[k]`` by principal components of the shadows, at mean variance 1.

    Components keep their relative scale: those that hardly vary are rounding and noise, and stay small.
    """
    middle = shadows.mean(0)
    _, values, right = np.linalg.svd(shadows - middle, full_matrices=False)
    kept = min(components, int((values > 1e-9 * max(float(values[0]), 1e-300)).sum()))
    scale = float(np.sqrt((values[:kept] ** 2).sum() / max(kept * len(shadows), 1))) or 1.0
    axes = right[:kept].T / scale
    return np.asarray((shadows - middle) @ axes, dtype=np.float64), np.asarray((target - middle) @ axes)


def _balanced(has: Mask, rng: np.random.Generator) -> Ints:
    """Rows with and without the property, as many of each."""
    sides = [rng.permutation(np.flatnonzero(has == side)) for side in (True, False)]
    size = min(len(side) for side in sides)
    return np.concatenate([side[:size] for side in sides])


def _check(target: Floats, shadows: Floats, has: Mask) -> None:
    problems = []
    if shadows.ndim != 2 or shadows.shape != (len(has), len(target)):
        problems.append(f"target {list(target.shape)}, shadows {list(shadows.shape)}, has {list(has.shape)}")
    if not (np.isfinite(shadows).all() and np.isfinite(target).all()):
        problems.append("a feature is not finite")
    if min(int(has.sum()), int((~has).sum())) < 2:
        problems.append(f"{int(has.sum())} of {len(has)} shadows have the property; at least 2 must and 2 must not")
    if problems:
        raise DataError("property inference: " + "; ".join(problems))
