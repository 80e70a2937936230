"""LiRA on uploaded models, calibrated by shadow runs of the whole hierarchy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.membership_inference.shadow_lira import ShadowLira
from attacks.toolkit.memo import Memo
from attacks.toolkit.readers.parameters import evaluated

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["ParameterLira"]


class ParameterLira(ShadowLira):
    """LiRA on the client's own model: confidences calibrated per candidate by shadow runs of the whole hierarchy.

    Rounds are weighed as in ``shadow_lira``. An adaptive attacker's shadows carry the defense of the parameters.
    """

    name: ClassVar[str] = "parameter_lira"
    summary: ClassVar[str] = "likelihood ratio of the uploaded model's confidence, calibrated by shadow runs"
    source: ClassVar[str] = "Carlini et al. 2022, sections IV and V, on uploaded models"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)
    direct: ClassVar[bool] = False

    def __init__(self, *, shadows: int = 0, mode: str = "online", shrink: bool = True) -> None:
        super().__init__(shadows=shadows, mode=mode, shrink=shrink)
        self.models = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        return super().guess(evaluated(view, self.models))
