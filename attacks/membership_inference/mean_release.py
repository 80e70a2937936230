"""Membership in a prototype, by the likelihood ratio of a mean release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.calibration import CALIBRATING, calibrated
from attacks.toolkit.memo import Memo
from attacks.toolkit.prototype_space.likeliest_count import likelihood_rule
from attacks.toolkit.prototype_space.moments import ClassMoments, class_moments
from attacks.toolkit.prototype_space.release_test import ReleaseTest
from attacks.toolkit.prototype_space.space import Space, averaged
from attacks.toolkit.prototype_space.space_of_run import candidate_points, space_of
from attacks.toolkit.readers.prototypes import Prototype, distinct, of_class, prototypes
from attacks.toolkit.view import labels_of
from harness.attack import Attack, Floats, PopulationFacts

if TYPE_CHECKING:
    from harness.attack import Candidate, Facts, Guess, SeenMessage, View

__all__ = ["MeanRelease"]


class MeanRelease(Attack):
    """Likelihood ratio that a candidate is one of the records averaged in its party's prototype of its class.

    Class moments come from the auxiliary records; the prototypes' space and noise from shadow runs where there are
    any, otherwise from the declared noise. Ratios are calibrated per candidate where that ranks shadows better.
    """

    name: ClassVar[str] = "mean_release"
    summary: ClassVar[str] = "likelihood ratio of a class mean with and without the record"
    source: ClassVar[str] = "Dwork et al. 2015 (tracing from means); Carlini et al. 2022 (calibration by shadows)"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(self, *, shadows: int = 0, rounds: str = "average") -> None:
        self.shadows = shadows
        self.memo = Memo()
        self.rounds = rounds
        """``average`` for prototypes that repeat under fresh noise, ``sum`` for rounds that are independent."""

    def guess(self, view: View) -> Guess:
        """A score for every candidate; one whose class its party did not send gets the lowest."""
        tests = _release_tests(view, self.shadows, self.rounds, self.memo)
        live = tests.ratios(view.transcript)
        shadows = view.shadows(self.shadows) if self.shadows else []
        if len(shadows) >= CALIBRATING:
            known = np.stack([tests.ratios(shadow.transcript) for shadow in shadows])
            members = np.array([[shadow.members[c.id] for c in tests.candidates] for shadow in shadows])
            live = calibrated(live, known, members)
        lowest = float(np.nanmin(live, initial=0.0)) - 1.0
        scores = np.where(np.isnan(live), lowest, live)
        return {one.id: float(score) for one, score in zip(tests.candidates, scores, strict=True)}


@dataclass(frozen=True)
class _ReleaseTests:
    """Tests of all classes and candidates, the same for every run that is attacked."""

    candidates: tuple[Candidate, ...]
    labels: tuple[str, ...]
    points: Floats
    """Candidates in the prototypes' space ``[m, e]``."""
    models: Mapping[str, ClassMoments]
    """Class moments in the prototypes' space."""
    tests: Mapping[str, ReleaseTest]
    space: Space
    rounds: str

    def ratios(self, transcript: Iterable[SeenMessage]) -> Floats:
        """Log-likelihood ratio ``[m]`` of every candidate in one run; nan where its class was not sent."""
        sent_by_all = prototypes(transcript, self.labels)
        shifts = self._shifts(sent_by_all) if self.space.centred else {}
        ratios = np.full(len(self.candidates), np.nan)
        for (party, label), rows in _by_class(self.candidates).items():
            sent = averaged(sent_by_all, party, label)
            if sent is None or label not in self.tests:
                continue
            vector, said = sent
            vector = vector - shifts.get(party, 0.0)
            count = max(said or likelihood_rule(vector, self.models[label], *self.space.law), 1.0)
            scale, test = self.space.scale(count), self.tests[label]
            looks: Sequence[Floats] = [vector]
            if self.rounds == "sum":
                looks = [row - shifts.get(party, 0.0) for row in distinct(of_class(sent_by_all, party, label))]
            each = [test.llr(self.points[rows], look, count, scale * len(looks)) for look in looks]
            ratios[rows] = np.sum(each, axis=0)
        return ratios

    def _shifts(self, sent_by_all: Sequence[Prototype]) -> Mapping[str, Floats | float]:
        """Common shift of every party's prototypes beyond their classes' means."""
        left: dict[str, list[Floats]] = {}
        for party, label in dict.fromkeys((p.party, p.label) for p in sent_by_all if p.label in self.models):
            sent = averaged(sent_by_all, party, label)
            if sent is not None:
                left.setdefault(party, []).append(sent[0] - self.models[label].mean)
        return {party: _shift(rows) for party, rows in left.items()}


def _shift(residuals: list[Floats]) -> Floats | float:
    return np.asarray(np.mean(residuals, axis=0), dtype=np.float64) if len(residuals) > 2 else 0.0


def _by_class(candidates: Sequence[Candidate]) -> Mapping[tuple[str, str], list[int]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for index, candidate in enumerate(candidates):
        groups.setdefault((candidate.party, str(candidate.label)), []).append(index)
    return groups


def _release_tests(view: View, budget: int, rounds: str, memo: Memo) -> _ReleaseTests:
    labels, candidates = labels_of(view.public), tuple(view.candidates)
    models = memo.of(view.public, lambda: class_moments(view))
    points = candidate_points(view, len(next(iter(models.values())).mean))
    space = space_of(view, budget, models)
    return _ReleaseTests(
        candidates,
        labels,
        space.aligner.points(points),
        space.moments(models),
        space.tests(models),
        space,
        rounds,
    )
