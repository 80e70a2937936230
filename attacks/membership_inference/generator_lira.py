"""LiRA on tuned generators, by the loss that tuning took off a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.calibration import MINIMUM, likelihood_calibrated
from attacks.toolkit.candidates import scores_of
from attacks.toolkit.generator_questions import AsksGenerators
from harness.attack import SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["GeneratorLira"]


class GeneratorLira(AsksGenerators):
    """The loss that tuning took off a record, against its own distribution in shadow runs with and without it."""

    name: ClassVar[str] = "generator_lira"
    summary: ClassVar[str] = "likelihood ratio of what tuning took off the record's loss, calibrated by shadow runs"
    source: ClassVar[str] = "Carlini et al. 2022, sections IV and V, on tuned generators"

    def __init__(self, *, shadows: int = 16) -> None:
        super().__init__()
        self.shadows = shadows

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        live, runs = self.gains(view, view.transcript)[:, 0], view.shadows(self.shadows)
        if len(runs) < MINIMUM:
            raise SuiteError(f"generator_lira needs {MINIMUM} shadow runs and has {len(runs)}: raise shadow_budget")
        known = np.stack([self.gains(view, run.transcript)[:, 0] for run in runs])
        members = np.array([[run.members[one.id] for one in view.candidates] for run in runs])
        usable, scores = np.isfinite(known).all(0) & np.isfinite(live), np.full(len(live), np.nan)
        scores[usable] = likelihood_calibrated(live[usable], known[:, usable], members[:, usable])
        return scores_of(view.candidates, scores)
