"""Membership calibrated by shadow runs: the likelihood-ratio attack on a party's answers, or on those of a student."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership import lira
from attacks.membership.confidence import label_margin, logit_confidence, noise_variance
from attacks.membership.evidence import (
    FEWEST,
    Evidence,
    Reader,
    chosen_reader,
    confidences,
    copies_reader,
    gather,
    groups_of,
    passive_reader,
    scores_of,
)
from attacks.membership.reading import Memo
from attacks.membership.rounds import fit_weights
from attacks.membership.shadows import Gaussians, fit_gaussians, fit_outside, shrink_means, shrink_shifts
from harness.attack import Attack, Floats, Ints, SuiteError

if TYPE_CHECKING:
    from harness.attack import DefenseCard, Guess, View

__all__ = ["LabelOnly", "OfflineLira", "ShadowLira", "SurrogateLira"]

MODES = ("online", "offline")
ONLINE = fit_gaussians, shrink_shifts, lira.online
OFFLINE = fit_outside, shrink_means, lira.offline
"""How a mode fits the shadows, draws the fit together, and scores the target by it."""


class ShadowLira(Attack):
    """LiRA: every candidate's confidence against its own distribution in shadow runs with and without it.

    Online, all looks at a candidate (rounds, and altered copies where those were asked about) are weighed by how well
    they separate the shadows' members, and ``shrink`` draws the shift of each candidate towards that of its group
    (canaries and average records of its party): few shadows do not tell it from noise. Offline only shadows without the
    candidate are read, and answers about its text itself: rounds weigh alike, and it is the mean that is drawn. An
    adaptive attacker's shadows carry the defense, and noise that it declared is put where the law says it is.
    """

    name: ClassVar[str] = "shadow_lira"
    summary: ClassVar[str] = "likelihood ratio of the party's confidence, calibrated per candidate by shadow runs"
    source: ClassVar[str] = "Carlini et al. 2022, sections IV and V"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)
    direct: ClassVar[bool] = True
    """Whether noise on the messages is noise on the confidences."""

    def __init__(self, *, shadows: int = 0, mode: str = "online", shrink: bool = True) -> None:
        if mode not in MODES:
            raise SuiteError(f"mode {mode!r} is none of {', '.join(MODES)}")
        self.shadows = shadows
        self.mode = mode
        self.shrink = shrink
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        evidence, online = gather(view, self.reader(view), self.memo, self.shadows), self.mode == "online"
        evidence = evidence if online else evidence.without_members()
        scores = np.full(len(view.candidates), np.nan)
        known, groups = evidence.usable, groups_of(view.candidates)
        live, shadows, weights = _joined(evidence, online)
        fit, shrink, score = ONLINE if online else OFFLINE
        model = fit(shadows, evidence.members[:, known], groups=groups[known])
        if self.direct and view.adaptive:
            model = _with_declared_noise(model, evidence, weights, view.defense)
        model = shrink(model, groups[known]) if self.shrink else model
        scores[known] = score(live, model)
        return scores_of(view.candidates, scores)

    def reader(self, view: View) -> Reader:
        """Where answers about candidates come from."""
        return copies_reader(view) if self.mode == "online" else chosen_reader(view)


class OfflineLira(ShadowLira):
    """The attack where shadow runs cannot be made with the candidates, or were made before they were known."""

    name: ClassVar[str] = "offline_lira"
    summary: ClassVar[str] = "how far the party's confidence lies above that of shadow runs without the candidate"
    source: ClassVar[str] = "Carlini et al. 2022, section V-A"

    def __init__(self, *, shadows: int = 0, shrink: bool = True) -> None:
        super().__init__(shadows=shadows, mode="offline", shrink=shrink)


class SurrogateLira(ShadowLira):
    """LiRA on students: each party's model is distilled from its logits on public texts, and so is every shadow's."""

    name: ClassVar[str] = "surrogate_lira"
    summary: ClassVar[str] = "likelihood ratio on students distilled from public logits: nothing is asked"
    source: ClassVar[str] = "Carlini et al. 2022 on distilled models (Shi et al. 2025)"
    direct: ClassVar[bool] = False

    def reader(self, view: View) -> Reader:
        """Answers of students."""
        return passive_reader(view, self.memo)


class LabelOnly(Attack):
    """How often a candidate and altered copies of it get the candidate's label, calibrated by shadows if there are.

    Reads nothing of the logits but the largest, and so works on hard labels. Without copies among the queries this is
    the gap attack (Yeom et al. 2018): is the label right?
    """

    name: ClassVar[str] = "label_only"
    summary: ClassVar[str] = "share of altered copies that keep the candidate's label"
    source: ClassVar[str] = "Choquette-Choo et al. 2021, sections 3 and 4"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)

    def __init__(self, *, shadows: int = 0, calibrated: bool = True) -> None:
        self.shadows = shadows
        self.calibrated = calibrated
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        enough = FEWEST if self.calibrated else 0
        evidence = gather(view, copies_reader(view), self.memo, self.shadows, fewest=enough)
        known, groups = evidence.usable, groups_of(view.candidates)
        share = _kept(evidence.live, evidence.labels)
        if self.calibrated:
            others = _kept(evidence.shadows, evidence.labels)[:, known]
            model = fit_gaussians(others, evidence.members[:, known], groups=groups[known])
            share[known] = lira.online(share[known], shrink_shifts(model, groups[known]))
        return scores_of(view.candidates, share, known)


def _joined(evidence: Evidence, online: bool) -> tuple[Floats, Floats, Floats]:
    """Scores of usable candidates ``[m]``, ``[S, m]``, joined over looks, and the weights ``[2, looks]`` of that sum.

    Every look counts twice, as confidence and as margin, which is steadier under noise: as far as members tell. Without
    them it is the mean confidence, nan where no look is there.
    """
    if not evidence.usable.any():
        raise SuiteError("no run says anything about any candidate: does this coalition see the parties' logits?")
    measured = [confidences(evidence, measure) for measure in (logit_confidence, label_margin)]
    live, shadows = (np.concatenate(some, axis=-1) for some in zip(*measured, strict=True))
    live, shadows = live[evidence.usable], shadows[:, evidence.usable]
    looks = live.shape[-1] // 2
    if not online or np.isnan(live).any() or np.isnan(shadows).any():  # some rounds ask about some candidates only
        weights = np.array([np.full(looks, 1.0 / looks), np.zeros(looks)])
        return _mean(live[..., :looks]), _mean(shadows[..., :looks]), weights
    found = fit_weights(shadows, evidence.members[:, evidence.usable])
    return live @ found, shadows @ found, found.reshape(2, looks)


def _mean(looks: Floats, axis: int | tuple[int, ...] = -1) -> Floats:
    """Over looks that are there; nan without any."""
    there = ~np.isnan(looks)
    count = there.sum(axis)
    return np.asarray(np.where(count, np.where(there, looks, 0.0).sum(axis) / np.maximum(count, 1), np.nan))


def _with_declared_noise(model: Gaussians, evidence: Evidence, weights: Floats, defense: DefenseCard) -> Gaussians:
    """Noise of a declared law is not spread evenly: it blurs a confidence by what the other classes' shares are."""
    sizes = {"gaussian": 1.0, "laplace": 2.0}
    variance = sum(sizes[law.name] * law.scale**2 for law in defense.laws if law.name in sizes)
    if not variance:
        return model
    usual = np.nan_to_num(_mean(evidence.shadows, (0, 2)))[evidence.usable]
    labels = evidence.labels[evidence.usable]
    rounds = [noise_variance(usual, labels, variance**0.5, (float(p), float(q))) for p, q in weights.T]
    return model.reshaped(np.sum(rounds, axis=0))


def _kept(logits: Floats, labels: Ints) -> Floats:
    """Share over looks ``[..., m]`` of answers that are the label; ties are lost, missing looks not counted."""
    there = np.asarray(~np.isnan(logits).any(-1))
    filled = np.where(there[..., None], logits, 0.0)
    mine = np.take_along_axis(filled, np.broadcast_to(labels[:, None, None], (*filled.shape[:-1], 1)), -1)[..., 0]
    right = (filled >= mine[..., None]).sum(-1) == 1
    return np.asarray((right & there).sum(-1) / np.maximum(there.sum(-1), 1), dtype=np.float64)
