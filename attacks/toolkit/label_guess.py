"""From directions, hints and clusters to scores of labels: what attacks on labels by gradients share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.attack import FinetuneFacts, Floats

__all__ = ["between_hints", "by_hints", "completed", "discriminant", "principal", "squashed", "standardised"]


def squashed(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores as numbers in (0, 1), the sign deciding on which side of one half; their order stays."""
    spread = float(np.median(np.abs(list(scores.values())))) if scores else 1.0
    return {record: float(1 / (1 + np.exp(-np.clip(v / max(spread, 1e-30), -15, 15)))) for record, v in scores.items()}


def by_hints(scores: Mapping[str, float], hints: Mapping[str, int]) -> dict[str, float]:
    """The scores, turned where most of the hints (record -> class) stand on the wrong side."""
    right = sum((1 if label else -1) * scores[record] for record, label in hints.items() if record in scores)
    return {record: -value if right < 0 else value for record, value in scores.items()}


def between_hints(scores: Mapping[str, float], facts: FinetuneFacts) -> dict[str, float]:
    """The scores less the middle between the hints' means by class: few labels say little about where to divide, and
    this is where."""
    classes: list[list[float]] = [[], []]
    for record, label in facts.hints.items():
        if record in scores:
            classes[int(label == facts.labels[1])].append(scores[record])
    middle = float(np.mean([np.median(values) for values in classes])) if all(classes) else 0.0
    return {record: value - middle for record, value in scores.items()}


def principal(vectors: Floats) -> Floats:
    """The first right singular vector ``[e]`` of vectors ``[n, e]``, not centred."""
    _, _, directions = np.linalg.svd(vectors, full_matrices=False)
    first: Floats = directions[0]
    return first


def discriminant(
    vectors: Floats, places: Sequence[int], classes: Sequence[int], rounds: int = 5, rank: int = 4
) -> Floats:
    """Log-odds ``[n]`` of class 1 under two Gaussians with one covariance, from few labelled rows and all others.

    In the ``rank`` first singular directions of all rows: of few rows in many dimensions nothing else is known well.
    Fisher's direction from the labelled means and the covariance of all rows (Ledoit and Wolf, 2004, shrunk), then as
    often as ``rounds`` says both means anew from the side on which each row falls (labelled rows keep their class).
    """
    from sklearn.covariance import ledoit_wolf

    if min(vectors.shape) > rank:
        vectors = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][:rank].T
    covariance, _ = ledoit_wolf(vectors)
    inverse = np.linalg.pinv(covariance, hermitian=True)
    known = dict(zip(places, classes, strict=True))
    side = np.array([known.get(place, -1) for place in range(len(vectors))])
    odds = np.zeros(len(vectors))
    for _ in range(rounds + 1):
        means = [vectors[side == number].mean(0) for number in (0, 1)]
        odds = (vectors - (means[0] + means[1]) / 2) @ (inverse @ (means[1] - means[0]))
        side = (odds > 0).astype(int)
        side[list(known)] = list(known.values())
        if len(set(side.tolist())) < 2:
            break
    return odds


def standardised(vectors: Floats) -> Floats:
    """Columns of mean 0 and standard deviation 1 (constant ones stay 0)."""
    spread = vectors.std(0)
    scaled: Floats = (vectors - vectors.mean(0)) / np.where(spread > 1e-12, spread, 1.0)
    return scaled


def completed(
    vectors: Floats, places: Sequence[int], classes: Sequence[int], inverse_penalty: float = 0.01, rounds: int = 4
) -> Floats:
    """Log-odds ``[n]`` by logistic regression on the labelled rows, trained again with the surest guesses.

    Self-training: in every round another quarter of the rows, as many of each class, keep the label that the model is
    surest of. Fu et al. (2022), section 4.2, complete a bottom model by a semi-supervised method in the same sense.
    """
    from sklearn.linear_model import LogisticRegression

    x, known = standardised(vectors), dict(zip(places, classes, strict=True))
    rows, labels = list(known), list(known.values())
    odds = np.zeros(len(x))
    for number in range(rounds + 1):
        model = LogisticRegression(C=inverse_penalty, max_iter=500, class_weight="balanced").fit(x[rows], labels)
        odds = model.decision_function(x)
        taken = max(1, len(x) * (number + 1) // (2 * (rounds + 1)))
        order = [place for place in np.argsort(odds).tolist() if place not in known]
        sure = {**dict.fromkeys(order[:taken], 0), **dict.fromkeys(order[-taken:], 1), **known}
        rows, labels = list(sure), list(sure.values())
    return odds
