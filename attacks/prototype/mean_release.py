"""Membership in a prototype: the likelihood ratio of a mean release, and the cosine baseline, as attacks on a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.lira import online
from attacks.membership.reading import Memo
from attacks.membership.shadows import fit_gaussians, shrink_shifts
from attacks.prototype.counts import likelihood_rule
from attacks.prototype.learned import candidate_points, space_of
from attacks.prototype.membership import ReleaseTest, cosine_scores
from attacks.prototype.moments import Moments
from attacks.prototype.reading import Prototype, class_moments, distinct, embeddings, labels_of, of_class, prototypes
from attacks.prototype.space import Space, averaged
from harness.attack import Attack, Floats, Mask, auc

if TYPE_CHECKING:
    from harness.attack import Candidate, Guess, SeenMessage, View

__all__ = ["MeanRelease", "PrototypeCosine", "calibrated"]

CALIBRATING = 4
"""Shadow runs from which on scores are also calibrated per candidate."""


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

    def __init__(self, *, shadows: int = 0, rounds: str = "average") -> None:
        self.shadows = shadows
        self.memo = Memo()
        self.rounds = rounds
        """``average`` for prototypes that repeat under fresh noise, ``sum`` for rounds that are independent."""

    def guess(self, view: View) -> Guess:
        """A score for every candidate; one whose class its party did not send gets the lowest."""
        world = _world(view, self.shadows, self.rounds, self.memo)
        live = world.ratios(view.transcript)
        shadows = view.shadows(self.shadows) if self.shadows else []
        if len(shadows) >= CALIBRATING:
            known = np.stack([world.ratios(shadow.transcript) for shadow in shadows])
            members = np.array([[shadow.members[c.id] for c in world.candidates] for shadow in shadows])
            live = calibrated(live, known, members)
        lowest = float(np.nanmin(live, initial=0.0)) - 1.0
        scores = np.where(np.isnan(live), lowest, live)
        return {one.id: float(score) for one, score in zip(world.candidates, scores, strict=True)}


class PrototypeCosine(Attack):
    """Cosine of a candidate's public embedding to its party's prototype of its class: the weak, usual baseline."""

    name: ClassVar[str] = "prototype_cosine"
    summary: ClassVar[str] = "cosine of the record's embedding to the class prototype"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def guess(self, view: View) -> Guess:
        """A score for every candidate; -1 where its class was not sent, or lives in another space."""
        found = prototypes(view.transcript, labels_of(view.public))
        points = embeddings(view, [one.text for one in view.candidates])
        scores: dict[str, float] = {}
        for one, point in zip(view.candidates, points, strict=True):
            sent = averaged(found, one.party, str(one.label))
            fits = sent is not None and len(sent[0]) == len(point)
            scores[one.id] = float(cosine_scores(point[None], sent[0])[0]) if sent and fits else -1.0
        return scores


@dataclass(frozen=True)
class _World:
    """What does not depend on which run is attacked."""

    candidates: tuple[Candidate, ...]
    labels: tuple[str, ...]
    points: Floats
    """Candidates in the prototypes' space ``[m, e]``."""
    models: Mapping[str, Moments]
    """Class moments in the prototypes' space."""
    tests: Mapping[str, ReleaseTest]
    space: Space
    rounds: str

    def ratios(self, transcript: Iterable[SeenMessage]) -> Floats:
        """Log-likelihood ratio ``[m]`` of every candidate in one run; nan where its class was not sent."""
        found = prototypes(transcript, self.labels)
        shifts = self._shifts(found) if self.space.centred else {}
        ratios = np.full(len(self.candidates), np.nan)
        for (party, label), rows in _by_class(self.candidates).items():
            sent = averaged(found, party, label)
            if sent is None or label not in self.tests:
                continue
            vector, told = sent
            vector = vector - shifts.get(party, 0.0)
            count = max(told or likelihood_rule(vector, self.models[label], *self.space.law), 1.0)
            scale, test = self.space.scale(count), self.tests[label]
            looks: Sequence[Floats] = [vector]
            if self.rounds == "sum":
                looks = [row - shifts.get(party, 0.0) for row in distinct(of_class(found, party, label))]
            each = [test.llr(self.points[rows], look, count, scale * len(looks)) for look in looks]
            ratios[rows] = np.sum(each, axis=0)
        return ratios

    def _shifts(self, found: Sequence[Prototype]) -> Mapping[str, Floats | float]:
        """What every party's prototypes have in common beyond their classes' means."""
        left: dict[str, list[Floats]] = {}
        for party, label in dict.fromkeys((p.party, p.label) for p in found if p.label in self.models):
            sent = averaged(found, party, label)
            if sent is not None:
                left.setdefault(party, []).append(sent[0] - self.models[label].mean)
        return {party: _shift(rows) for party, rows in left.items()}


def _shift(residuals: list[Floats]) -> Floats | float:
    return np.asarray(np.mean(residuals, axis=0), dtype=np.float64) if len(residuals) > 2 else 0.0


def calibrated(live: Floats, shadows: Floats, members: Mask) -> Floats:
    """``live [m]`` raw or calibrated on ``shadows [S, m]``, whichever ranks the shadows themselves better.

    Each shadow is judged against the others. Ratios are compressed first: those of small classes are huge. nan
    (class not sent) stays nan.
    """
    compressed = _compressed(shadows)
    raw, tuned = [], []
    for one in range(len(shadows)):
        others = np.arange(len(shadows)) != one
        if members[one].all() or not members[one].any() or not _mixed(members[others]):
            continue
        raw.append(auc(compressed[one], members[one]))
        tuned.append(auc(_online(compressed[one], compressed[others], members[others]), members[one]))
    if not raw or np.mean(tuned) <= np.mean(raw) or not _mixed(members):
        return live
    found: Floats = np.where(np.isnan(live), np.nan, _online(_compressed(live), compressed, members))
    return found


def _compressed(ratios: Floats) -> Floats:
    found: Floats = np.arcsinh(np.nan_to_num(ratios))
    return found


def _online(target: Floats, shadows: Floats, members: Mask) -> Floats:
    return online(target, shrink_shifts(fit_gaussians(shadows, members)))


def _mixed(members: Mask) -> bool:
    return bool((members.any(0) & ~members.all(0)).any())


def _by_class(candidates: Sequence[Candidate]) -> Mapping[tuple[str, str], list[int]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for index, one in enumerate(candidates):
        groups.setdefault((one.party, str(one.label)), []).append(index)
    return groups


def _world(view: View, budget: int, rounds: str, memo: Memo) -> _World:
    labels, candidates = labels_of(view.public), tuple(view.candidates)
    models = memo.of(view.public, lambda: class_moments(view))
    points = candidate_points(view, len(next(iter(models.values())).mean))
    space = space_of(view, budget, models)
    return _World(
        candidates,
        labels,
        space.aligner.points(points),
        space.moments(models),
        space.tests(models),
        space,
        rounds,
    )
