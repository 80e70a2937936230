"""Property inference on runs: what parties of shadow runs sent, with and without the property, against the target's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.reading import answers, classes_of, numpy_rng, public_range, table
from attacks.property_inference.features import logit_features, prototype_features
from attacks.property_inference.meta import COMPONENTS, property_score
from attacks.prototype.reading import prototypes
from harness.attack import SERVER, Attack, Floats, SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, SeenMessage, View

__all__ = ["BlindProperty", "PropertyLogits", "PropertyPrototypes"]

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
        found, places = answers(transcript, view.public), public_range(view.public)
        parties = dict.fromkeys(a.party for a in found if a.party != SERVER)
        tables = {party: table(found, party, places, view.public) for party in parties}
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
        kept = [len(row) == size for row in rows]
        return np.stack([row for row, k in zip(rows, kept, strict=True) if k]), np.array(has)[kept]

    def _known(self, view: View) -> Iterator[tuple[Floats, bool]]:
        for shadow in view.shadows(self.shadows or None):
            truth = shadow.truth.get("property", {})
            for party, features in self.features(view, shadow.transcript).items():
                if party in truth:
                    yield features, bool(truth[party])


class PropertyPrototypes(PropertyLogits):
    """The same on a party's class prototypes and on which classes it sent."""

    name: ClassVar[str] = "property_prototypes"
    summary: ClassVar[str] = "meta-classifier on the prototypes of shadow parties with and without the property"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def features(self, view: View, transcript: Sequence[SeenMessage]) -> Mapping[str, Floats]:
        """Party -> features of what it sent."""
        names = classes_of(view.public)
        sent: dict[str, dict[int, dict[str, Floats]]] = {}
        for one in prototypes(transcript, names):
            if one.party != SERVER:
                sent.setdefault(one.party, {}).setdefault(one.round, {})[one.label] = one.vector
        sizes = {party: len(next(iter(next(iter(rounds.values())).values()))) for party, rounds in sent.items()}
        return {party: prototype_features(list(sent[party].values()), names, sizes[party]) for party in sent}


class BlindProperty(Attack):
    """Without the transcript: every party alike, at the share that the property has in shadow runs."""

    name: ClassVar[str] = "blind_property"
    summary: ClassVar[str] = "how common the property is among shadow parties"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "property"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        """Party -> share."""
        known = [float(v) for shadow in view.shadows() for v in shadow.truth.get("property", {}).values()]
        prior = sum(known) / len(known) if known else 0.5
        return dict.fromkeys(view.public.facts.get("parties", ()), prior)
