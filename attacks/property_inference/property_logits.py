"""Property of a party's dataset from its logits, by a meta-classifier on shadow parties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.meta_classifier import COMPONENTS, property_score
from attacks.toolkit.readers.logits import answers, public_range, table
from attacks.toolkit.view import numpy_rng
from harness.attack import SERVER, Attack, Floats, SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, SeenMessage, View

__all__ = ["PropertyLogits", "logit_features"]

FEWEST = 2
"""Examples on either side without which nothing can be learned."""


class PropertyLogits(Attack):
    """Logistic regression on principal components of a party's logits on the public texts.

    Every party of every shadow run is an example; an adaptive attacker's carry the defense.
    """

    name: ClassVar[str] = "property_logits"
    summary: ClassVar[str] = "meta-classifier on the logits of shadow parties with and without the property"
    source: ClassVar[str] = "Ateniese et al. 2015; Ganju et al. 2018"
    secret: ClassVar[str] = "property"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)

    def __init__(self, *, shadows: int = 0, components: int = COMPONENTS) -> None:
        self.shadows = shadows
        self.components = components

    def guess(self, view: View) -> Guess:
        """Party -> log-odds of the property; parties that sent nothing are left out.

        Raises:
            SuiteError: fewer than two shadow examples with, or without, the property.
        """
        rows, has = self._examples(view)
        live, rng = self.features(view, view.transcript), numpy_rng(view)
        return {
            party: property_score(one, rows, has, rng, components=self.components)
            for party, one in live.items()
            if len(one) == rows.shape[1]
        }

    def features(self, view: View, transcript: Sequence[SeenMessage]) -> Mapping[str, Floats]:
        """Party -> features of what it sent."""
        said, places = answers(transcript, view.public), public_range(view.public)
        parties = dict.fromkeys(a.party for a in said if a.party != SERVER)
        tables = {party: table(said, party, places, view.public) for party in parties}
        whole = {party: one[~np.isnan(one).any((1, 2))] for party, one in tables.items()}
        return {party: logit_features(one) for party, one in whole.items() if len(one)}

    def _examples(self, view: View) -> tuple[Floats, np.ndarray]:
        rows, has = [], []
        for features, label in self._known(view):
            rows.append(features)
            has.append(label)
        if min(sum(has), len(has) - sum(has)) < FEWEST:
            raise SuiteError(
                f"{sum(has)} of {len(has)} parties of shadow runs have the property: {FEWEST} must and {FEWEST} must "
                "not; set entitlement.shadow_budget, and check that the scenario draws the property for shadows"
            )
        size = max(len(row) for row in rows)
        whole = [len(row) == size for row in rows]
        return np.stack([row for row, k in zip(rows, whole, strict=True) if k]), np.array(has)[whole]

    def _known(self, view: View) -> Iterator[tuple[Floats, bool]]:
        for shadow in view.shadows(self.shadows or None):
            truth = shadow.truth.get("property", {})
            for party, features in self.features(view, shadow.transcript).items():
                if party in truth:
                    yield features, bool(truth[party])


DEEPEST = 30.0
"""Logits this far below the top of their row count as this far (truncated classes would be infinitely far)."""


def logit_features(logits: Floats) -> Floats:
    """``[n * classes]`` from ``logits [..., n, classes]``: averaged over rounds, without what a softmax does not see.

    The public texts are the same for all runs and in the same order, so that entries correspond.
    """
    bounded = np.maximum(logits, logits.max(-1, keepdims=True) - DEEPEST)
    centred = bounded - bounded.mean(-1, keepdims=True)
    return np.asarray(centred.reshape(-1, *logits.shape[-2:]).mean(0).ravel(), dtype=np.float64)
