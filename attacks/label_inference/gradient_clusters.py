"""Labels of training records by clusters of their gradients, without a single known label."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.label_guess import standardised
from attacks.toolkit.public_states import auxiliary_states
from attacks.toolkit.readers.cut_gradients import epochs_of, first_states
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Floats, Guess, View

__all__ = ["GradientClusters"]

_TINY = 1e-30


class GradientClusters(Attack):
    """Two clusters of gradient directions; their classes by the gradient of a model that learned them so.

    k-means on unit gradients of all epochs side by side. Of both maps from clusters to classes the one is kept whose
    gradient points more as the last epoch's do: that of a logistic model which the attacker trains on the public
    states of its own auxiliary texts, for lack of any label of the victim's. Its score is how much nearer a record is
    to the cluster of class 1.
    """

    name: ClassVar[str] = "gradient_clusters"
    summary: ClassVar[str] = "clusters of gradients, mapped to classes by the cosine of simulated gradients"
    source: ClassVar[str] = (
        "LEA: arXiv 2603.03777 (2026), clustering, enumeration of maps and choice by gradient cosine"
    )
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT", "HIDDEN")
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def __init__(self, *, texts: int = 60) -> None:
        self.texts = texts

    def guess(self, view: View) -> Guess:
        """Record -> 0 ... 1, above one half in the cluster of class 1."""
        from sklearn.cluster import KMeans

        epochs = epochs_of(view)
        places = [{record: place for place, record in enumerate(epoch.records)} for epoch in epochs]
        records = epochs[0].records
        unit = [e.vectors / np.maximum(np.linalg.norm(e.vectors, axis=1, keepdims=True), _TINY) for e in epochs]
        rows = np.concatenate([u[[at[r] for r in records]] for u, at in zip(unit, places, strict=True)], axis=1)
        seed = int(view.rng.initial_seed()) % 2**31
        model = KMeans(2, n_init=10, random_state=seed).fit(rows)
        distance = model.transform(rows)
        nearer = distance[:, 0] - distance[:, 1]  # positive: nearer to the second centre
        if self._agreement(view, records, nearer) < 0:
            nearer = -nearer
        scale = max(float(np.abs(nearer).max()), _TINY)
        return {r: float(0.5 + 0.5 * value / scale) for r, value in zip(records, nearer, strict=True)}

    def _agreement(self, view: View, records: tuple[str, ...], nearer: Floats) -> float:
        """Above 0 where the second cluster is class 1: the model's odds agree with the clusters.

        The simulated gradient of a record under a map is (p - y) w, with the model's p and w: of two classes the maps
        differ in y alone, and the sum of cosines with what a model of that map sends is larger for the map that agrees
        more often with p.
        """
        states, labels = auxiliary_states(view, self.texts)
        victim = first_states(view)
        own = np.stack([victim[record] for record in records])
        if len(set(labels)) < 2 or own.shape[1] != states.shape[1]:
            return 1.0
        odds = _logistic(standardised(states), labels, standardised(own))
        return float(np.dot(odds, np.sign(nearer)))


def _logistic(x: Floats, labels: list[int], new: Floats) -> Floats:
    from sklearn.linear_model import LogisticRegression

    odds: Floats = (
        LogisticRegression(C=0.01, max_iter=500, class_weight="balanced").fit(x, labels).decision_function(new)
    )
    return odds
