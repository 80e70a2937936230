"""LiRA: the likelihood ratio of a party's confidence, calibrated per candidate by shadow runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership_inference.evidence import Evidence, Reader, chosen_reader, confidences, copies_reader, gather
from attacks.toolkit import lira
from attacks.toolkit.candidates import groups_of, scores_of
from attacks.toolkit.confidence import label_margin, logit_confidence, noise_variance
from attacks.toolkit.gaussians import Gaussians, fit_gaussians, fit_outside, shrink_means, shrink_shifts
from attacks.toolkit.looks import fit_weights
from attacks.toolkit.memo import Memo
from harness.attack import Attack, Floats, SuiteError

if TYPE_CHECKING:
    from harness.attack import DefenseCard, Guess, View

__all__ = ["ShadowLira", "with_declared_noise"]

MODES = ("online", "offline")
ONLINE = fit_gaussians, shrink_shifts, lira.online
OFFLINE = fit_outside, shrink_means, lira.offline
"""Functions of a mode: fit the shadows, draw the fit together, score the target by it."""


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
    """True where noise on the messages is noise on the confidences."""

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
            model = with_declared_noise(model, evidence, weights, view.defense)
        model = shrink(model, groups[known]) if self.shrink else model
        scores[known] = score(live, model)
        return scores_of(view.candidates, scores)

    def reader(self, view: View) -> Reader:
        """Source of answers about candidates."""
        return copies_reader(view) if self.mode == "online" else chosen_reader(view)


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
    fitted = fit_weights(shadows, evidence.members[:, evidence.usable])
    return live @ fitted, shadows @ fitted, fitted.reshape(2, looks)


def _mean(looks: Floats, axis: int | tuple[int, ...] = -1) -> Floats:
    """Over looks that are there; nan without any."""
    there = ~np.isnan(looks)
    count = there.sum(axis)
    return np.asarray(np.where(count, np.where(there, looks, 0.0).sum(axis) / np.maximum(count, 1), np.nan))


def with_declared_noise(model: Gaussians, evidence: Evidence, weights: Floats, defense: DefenseCard) -> Gaussians:
    """Noise of a declared law is not spread evenly: it blurs a confidence by what the other classes' shares are."""
    sizes = {"gaussian": 1.0, "laplace": 2.0}
    variance = sum(sizes[law.name] * law.scale**2 for law in defense.laws if law.name in sizes)
    if not variance:
        return model
    usual = np.nan_to_num(_mean(evidence.shadows, (0, 2)))[evidence.usable]
    labels = evidence.labels[evidence.usable]
    rounds = [noise_variance(usual, labels, variance**0.5, (float(p), float(q))) for p, q in weights.T]
    return model.reshaped(np.sum(rounds, axis=0))
