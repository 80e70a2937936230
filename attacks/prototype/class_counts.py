"""How many records of each class a party holds, read from its prototypes, as attacks on a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.prototype.counts import excess_distance_rule, likelihood_rule, proportions, variance_rule
from attacks.prototype.reading import (
    Prototype,
    class_moments,
    embeddings,
    labels_of,
    of_class,
    parties_of,
    prototypes,
)
from attacks.prototype.space import Space, averaged, known_count, learn_space, public_space, shadow_pairs
from harness.attack import Attack
from harness.errors import SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, View
    from harness.coalition import Shadow

__all__ = ["PrototypeCounts", "PrototypeShares"]

RULES = ("likelihood", "distance", "variance")
REGRESSED = 20
"""Shadow prototypes of known count from which on a rule's estimates are regressed on the truth."""


class PrototypeCounts(Attack):
    """Class counts of every party: as sent, otherwise by one of three rules on the prototypes.

    With shadow runs the space and noise of prototypes are learned first, and estimates are regressed on the
    shadows' true counts (in logarithms). The variance rule takes the variance between rounds from them, too.
    """

    name: ClassVar[str] = "prototype_counts"
    summary: ClassVar[str] = "class counts from what prototypes scatter around the class mean"
    source: ClassVar[str] = "law of the sample mean; FedProto (Tan et al. 2022, equation 6) sends counts"
    secret: ClassVar[str] = "count"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(self, *, shadows: int = 0, rule: str = "likelihood") -> None:
        if rule not in RULES:
            raise SuiteError(f"rule {rule!r} is none of {', '.join(RULES)}")
        self.shadows = shadows
        self.rule = rule

    def guess(self, view: View) -> Guess:
        """Party -> class -> number of records."""
        labels = labels_of(view.public)
        shadows = view.shadows(self.shadows) if self.shadows else []
        estimate = _Estimator(view, shadows, self.rule)
        found = prototypes(view.transcript, labels)
        return {
            party: {label: estimate(found, party, label) for label in labels} for party in parties_of(view)
        }  # fmt: skip


class PrototypeShares(PrototypeCounts):
    """Label distribution of every party, from its estimated class counts."""

    name: ClassVar[str] = "prototype_shares"
    summary: ClassVar[str] = "label distribution from estimated class counts"
    secret: ClassVar[str] = "label_distribution"

    def guess(self, view: View) -> Guess:
        """Party -> class -> share."""
        counts = super().guess(view)
        shares = {party: proportions(np.array(list(row.values()))) for party, row in counts.items()}
        return {party: dict(zip(row, shares[party].tolist(), strict=True)) for party, row in counts.items()}


class _Estimator:
    """Counts by one rule, in the prototypes' space, corrected on the shadows."""

    def __init__(self, view: View, shadows: Sequence[Shadow], rule: str) -> None:
        self.labels, self.rule = labels_of(view.public), rule
        models = class_moments(view)
        points = embeddings(view, [one.text for one in view.candidates]) if view.candidates else np.zeros((0, 1))
        live = prototypes(view.transcript, self.labels)
        size = len(next(iter(models.values())).mean)
        noise = sum(law.scale**2 for law in view.defense.laws if law.name == "gaussian") if view.adaptive else 0.0
        repeats = max((p.round for p in live), default=0) + 1
        pairs = shadow_pairs(shadows, view.candidates, points, models, self.labels)
        sizes = (size, *{len(p.vector) for p in live})
        self.space: Space = learn_space(pairs, models, sizes, public_space(size, noise / repeats))
        self.models = self.space.moments(models)
        self.motion, self.line = 0.0, (1.0, 0.0)
        known = list(_known(shadows, self.labels))
        if rule == "variance":
            self.motion = _motion(known)
        if len(known) >= REGRESSED:
            self.line = _line([(count, self._raw(sent)) for count, sent in known if sent[0].label in self.models])

    def __call__(self, found: Sequence[Prototype], party: str, label: str) -> float:
        sent = of_class(found, party, label)
        if not sent or label not in self.models:
            return 0.0
        if sent[-1].count is not None:
            return sent[-1].count
        slope, offset = self.line
        return float(np.exp(np.clip(slope * np.log(self._raw(sent)) + offset, 0.0, 20.0)))

    def _raw(self, sent: Sequence[Prototype]) -> float:
        vectors, model = np.stack([p.vector for p in sent]), self.models[sent[0].label]
        noise = self.space.variance(1e9)
        if self.rule == "variance":
            return variance_rule(vectors, self.motion, noise * len(vectors))
        rule = likelihood_rule if self.rule == "likelihood" else excess_distance_rule
        return max(rule(vectors.mean(0), model, noise), 1.0)


def _known(shadows: Sequence[Shadow], labels: Sequence[str]) -> list[tuple[float, list[Prototype]]]:
    """Prototypes of shadow runs, by rounds, beside their true counts."""
    rows = []
    for shadow in shadows:
        found = prototypes(shadow.transcript, labels)
        for party, label in dict.fromkeys((p.party, p.label) for p in found):
            count = known_count(shadow.truth, party, label, labels)
            if count is not None and averaged(found, party, label) is not None:
                rows.append((count, of_class(found, party, label)))
    return [(count, sent) for count, sent in rows if count > 0]


def _motion(known: Sequence[tuple[float, list[Prototype]]]) -> float:
    """Variance between rounds that one record's share would have: the median of count times variance."""
    moves = [n * float(np.stack([p.vector for p in sent]).var(0, ddof=1).sum()) for n, sent in known if len(sent) > 1]
    if not moves:
        raise SuiteError("the variance rule needs shadow runs of several rounds with known counts: use another rule")
    return float(np.median(moves))


def _line(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and offset of log count on log estimate; the identity where estimates do not vary."""
    truth, estimate = np.log(np.array(pairs)).T
    if np.ptp(estimate) < 1e-9:
        return 0.0, float(truth.mean())
    slope, offset = np.polyfit(estimate, truth, 1)
    return float(slope), float(offset)
