"""Membership from labels alone: the share of altered copies that keep the candidate's label."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership_inference.evidence import FEWEST, copies_reader, gather
from attacks.toolkit import lira
from attacks.toolkit.candidates import groups_of, scores_of
from attacks.toolkit.gaussians import fit_gaussians, shrink_shifts
from attacks.toolkit.memo import Memo
from harness.attack import Attack, Floats, Ints

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["LabelOnly"]


class LabelOnly(Attack):
    """Share of a candidate and its altered copies that get the candidate's label, calibrated by shadows if there are.

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
        share = _share_of_right(evidence.live, evidence.labels)
        if self.calibrated:
            others = _share_of_right(evidence.shadows, evidence.labels)[:, known]
            model = fit_gaussians(others, evidence.members[:, known], groups=groups[known])
            share[known] = lira.online(share[known], shrink_shifts(model, groups[known]))
        return scores_of(view.candidates, share, known)


def _share_of_right(logits: Floats, labels: Ints) -> Floats:
    """Share over looks ``[..., m]`` of answers that are the label; ties are lost, missing looks not counted."""
    there = np.asarray(~np.isnan(logits).any(-1))
    filled = np.where(there[..., None], logits, 0.0)
    own = np.take_along_axis(filled, np.broadcast_to(labels[:, None, None], (*filled.shape[:-1], 1)), -1)[..., 0]
    right = (filled >= own[..., None]).sum(-1) == 1
    return np.asarray((right & there).sum(-1) / np.maximum(there.sum(-1), 1), dtype=np.float64)
