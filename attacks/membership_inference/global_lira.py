"""LiRA on the trajectory of global models, calibrated by shadow runs of the whole federation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership_inference.global_loss import GlobalLoss
from attacks.toolkit import lira
from attacks.toolkit.candidates import groups_of, scores_of
from attacks.toolkit.gaussians import fit_gaussians, shrink_shifts
from attacks.toolkit.looks import fit_weights
from harness.attack import SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["GlobalLira"]

FEWEST = 2
"""Shadow runs without which nothing can be calibrated."""


class GlobalLira(GlobalLoss):
    """Every candidate's gain against its own distribution in shadow runs with and without it.

    Rounds are looks, weighed by how well they separate the shadows' members. An adaptive attacker's shadows carry the
    defense.
    """

    name: ClassVar[str] = "global_lira"
    summary: ClassVar[str] = "likelihood ratio of the global models' confidences, calibrated by shadow runs"
    source: ClassVar[str] = "Carlini et al. 2022, sections IV and V, on global models"

    def __init__(self, *, shadows: int = 0) -> None:
        super().__init__()
        self.shadows = shadows

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        runs = view.shadows(self.shadows or None)
        if len(runs) < FEWEST:
            raise SuiteError(f"{len(runs)} shadow runs: give the entry a shadow_budget of at least {FEWEST + 1}")
        looks = np.stack([self.gains(view, run.transcript).T for run in runs])
        members = np.array([[run.members[one.id] for one in view.candidates] for run in runs])
        weights, groups = fit_weights(looks, members), groups_of(view.candidates)
        model = shrink_shifts(fit_gaussians(looks @ weights, members, groups=groups), groups)
        return scores_of(view.candidates, lira.online(self.gains(view, view.transcript).T @ weights, model))
