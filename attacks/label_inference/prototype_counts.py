"""Number of records of each class that a party holds, from its prototypes.

Three rules: how much the prototype moves between rounds, how far it lies from the class mean, and the likelihood of
that distance in every direction. All of them turn a squared deviation of ``tr(Sigma) / n`` into n, beyond noise whose
variance may depend on that n itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.dummy_detector import features_of, learned_detector
from attacks.toolkit.prototype_space.likeliest_count import likelihood_rule
from attacks.toolkit.prototype_space.moments import ClassMoments, class_moments
from attacks.toolkit.prototype_space.space import averaged, known_count
from attacks.toolkit.prototype_space.space_of_run import space_of
from attacks.toolkit.readers.prototypes import Prototype, distinct, of_class, prototypes
from attacks.toolkit.view import labels_of, parties_of
from harness.attack import Attack, DataError, Floats, PopulationFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Shadow, View

__all__ = ["MOST", "PrototypeCounts", "excess_distance_rule", "variance_rule"]

RULES = ("likelihood", "distance", "variance")
Motion = tuple[float, float, float]
"""Variance between rounds of one record's share, and of the noise: of every prototype's coordinate, and what is added
to it of a single record's."""

REGRESSED = 20
"""Shadow prototypes of known count from which on a rule's estimates are regressed on the truth."""


class PrototypeCounts(Attack):
    """Class counts of every party: as sent, otherwise by one of three rules on the prototypes.

    With shadow runs the space and noise of prototypes are learned first, and estimates are regressed on the
    shadows' true counts (in logarithms). The variance rule learns from them how prototypes move between rounds. The
    adaptive variant's shadow runs show what dummies look like, if the defense makes any: those count 0.
    """

    name: ClassVar[str] = "prototype_counts"
    summary: ClassVar[str] = "class counts from what prototypes scatter around the class mean"
    source: ClassVar[str] = "law of the sample mean; FedProto (Tan et al. 2022, equation 6) sends counts"
    secret: ClassVar[str] = "count"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(self, *, shadows: int = 0, rule: str = "likelihood") -> None:
        if rule not in RULES:
            raise SuiteError(f"rule {rule!r} is none of {', '.join(RULES)}")
        self.shadows = shadows
        self.rule = rule

    def guess(self, view: View) -> Guess:
        """Party -> class -> number of records."""
        labels = labels_of(view.public)
        estimate = _Estimator(view, self.shadows, self.rule)
        sent_by_all = prototypes(view.transcript, labels)
        return {party: {label: estimate(sent_by_all, party, label) for label in labels} for party in parties_of(view)}


class _Estimator:
    """Counts by one rule, in the prototypes' space, corrected on the shadows; dummies that shadows show count 0."""

    def __init__(self, view: View, budget: int, rule: str) -> None:
        self.labels, self.rule, self.plain = labels_of(view.public), rule, class_moments(view)
        shadows = view.shadows(budget) if budget else []
        self.space = space_of(view, budget, self.plain)
        self.models = self.space.moments(self.plain)
        self.detector, _ = learned_detector(shadows if view.adaptive else [], self.labels, self.plain)
        known, self.line = _known(shadows, self.labels), (1.0, 0.0)
        unseen = bool(shadows) and not known  # the defense sends nothing
        self.motion = _motion(known) if rule == "variance" and not unseen else (0.0, 0.0, 0.0)
        if len(known) >= REGRESSED:
            self.line = _line([(count, self._raw(sent)) for count, sent in known if sent[0].label in self.models])

    def __call__(self, sent_by_all: Sequence[Prototype], party: str, label: str) -> float:
        sent = of_class(sent_by_all, party, label)
        if not sent or label not in self.models or self._dummy(sent):
            return 0.0
        if sent[-1].count is not None:
            return max(sent[-1].count, 0.0)  # a noisy count may be negative
        slope, offset = self.line
        return float(np.exp(np.clip(slope * np.log(self._raw(sent)) + offset, 0.0, 20.0)))

    def _dummy(self, sent: Sequence[Prototype]) -> bool:
        return self.detector is not None and float(self.detector.scores(features_of(sent, self.plain)[None])[0]) < 0.5

    def _raw(self, sent: Sequence[Prototype]) -> float:
        vectors, model = distinct(sent), self.models[sent[0].label]
        if self.rule == "variance":  # one that does not move is as if of very many records
            return variance_rule(vectors, *self.motion) if len(vectors) > 1 else MOST
        rule = likelihood_rule if self.rule == "likelihood" else excess_distance_rule
        return max(rule(vectors.mean(0), model, *self.space.law), 1.0)


def _known(shadows: Sequence[Shadow], labels: Sequence[str]) -> list[tuple[float, list[Prototype]]]:
    """Prototypes of shadow runs, by rounds, beside their true counts."""
    rows = []
    for shadow in shadows:
        sent_by_all = prototypes(shadow.transcript, labels)
        for party, label in dict.fromkeys((p.party, p.label) for p in sent_by_all):
            count = known_count(shadow.truth, party, label, labels)
            if count is not None and averaged(sent_by_all, party, label) is not None:
                rows.append((count, of_class(sent_by_all, party, label)))
    return [(count, sent) for count, sent in rows if count > 0]


def _motion(known: Sequence[tuple[float, list[Prototype]]]) -> Motion:
    """Movement of shadow prototypes between rounds: ``share / n + d (always + per_record / n^2)``, by non-negative
    least squares of relative errors. The first part is due to the records, the others are noise.
    """
    from scipy.optimize import nnls

    seen = [(count, np.stack([p.vector for p in sent])) for count, sent in known if len(sent) > 1]
    if not seen:
        raise SuiteError("the variance rule needs shadow runs of several rounds with known counts: use another rule")
    spread = np.array([vectors.var(0, ddof=1).sum() for _, vectors in seen])
    moved = spread > 0
    if not moved.any():
        return 0.0, 0.0, 0.0
    design = np.array([[1 / n, len(v[0]), len(v[0]) / n**2] for n, v in seen])[moved]
    share, always, per_record = nnls(design / spread[moved, None], np.ones(int(moved.sum())))[0]
    return float(share), float(always), float(per_record)


def _line(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and offset of log count on log estimate; the identity where estimates do not vary."""
    truth, estimate = np.log(np.array(pairs)).T
    if np.ptp(estimate) < 1e-9:
        return 0.0, float(truth.mean())
    slope, offset = np.polyfit(estimate, truth, 1)
    return float(slope), float(offset)


MOST = 1_000_000.0
"""Estimate where the deviation is no larger than the defense's noise explains: many."""


def variance_rule(rounds: Floats, trace: float, noise: float = 0.0, per_record: float = 0.0) -> float:
    """Records behind a prototype sent repeatedly, ``rounds [R, d]``: ``Var = tr(Sigma) / n + d (noise + per_record /
    n^2)``, solved for n.

    ``trace`` is the total variance of *one record's* share between rounds (dropout, random batches, a moving model),
    as measured on the attacker's own records; ``noise`` the variance that a defense adds to each coordinate, and
    ``per_record`` what it adds to that of a single record's prototype in proportion to its sensitivity.

    Raises:
        DataError: fewer than two rounds.
    """
    if len(rounds) < 2:
        raise DataError(f"the variance rule compares rounds and got {len(rounds)}: use another rule")
    d = rounds.shape[1]
    return _count(trace, float(rounds.var(0, ddof=1).sum()) - d * noise, d * per_record)


def excess_distance_rule(prototype: Floats, model: ClassMoments, noise: float = 0.0, per_record: float = 0.0) -> float:
    """Records behind ``prototype [d]`` by its distance to the class mean, ``E|p - mu|^2 = tr(Sigma) / n + d (noise +
    per_record / n^2)``, solved for n. Noise in proportion to what one of n records can move has the second part.
    """
    d = len(prototype)
    return _count(model.trace, float(((prototype - model.mean) ** 2).sum()) - d * noise, d * per_record)


def _count(trace: float, deviation: float, square: float = 0.0) -> float:
    """n for which ``trace / n + square / n^2`` is ``deviation``: the positive root, in the form that ``square`` 0 has,
    too.
    """
    if deviation <= 0:
        return MOST
    return float(np.clip((trace + (trace**2 + 4 * square * deviation) ** 0.5) / (2 * deviation), 1.0, MOST))
