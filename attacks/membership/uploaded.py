"""Membership from the models that clients upload: the receiver evaluates them on the candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.calibrated import ShadowLira
from attacks.membership.confidence import logit_confidence
from attacks.membership.evidence import scores_of
from attacks.membership.parameters import evaluated, forward, uploads
from attacks.membership.reading import Memo, by_party, label_ids
from attacks.membership.reference import embedded
from attacks.membership.threshold import LogitLoss
from harness.attack import Attack, Floats

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["ParameterGain", "ParameterLira", "ParameterLoss"]


class ParameterLoss(LogitLoss):
    """Confidence of a client's own model in the candidate's label, averaged over its uploads: one threshold for all.

    Candidates of clients whose models are not seen get the median: aim at a secret that leaves them out, such as
    ``membership:edge0``.
    """

    name: ClassVar[str] = "parameter_loss"
    summary: ClassVar[str] = "confidence of the client's uploaded model in the candidate's label"
    source: ClassVar[str] = "Yeom et al. 2018, section III; uploaded models: Nasr et al. 2019, section V"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)

    def __init__(self) -> None:
        super().__init__()
        self.models = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        return super().guess(evaluated(view, self.models))


class ParameterGain(Attack):
    """What local training added to that confidence: an upload's less that of the model the client was sent before.

    A candidate that is easy, or hard, for everyone is so for the model that training started from, so that no shadow
    runs are needed. Averaged over the uploads of which the start was seen.
    """

    name: ClassVar[str] = "parameter_gain"
    summary: ClassVar[str] = "how much a client's training raised the confidence in the candidate's label"
    source: ClassVar[str] = "Watson et al. 2022 (difficulty calibration), by the model that training started from"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        points, labels = embedded(view, [one.text for one in view.candidates]), label_ids(view.candidates, view.public)
        gains: dict[str, list[Floats]] = {}
        rows = by_party(view.candidates)
        for one in uploads(view.transcript, rows):
            if one.before is not None:
                of, mine = rows[one.party], labels[rows[one.party]]
                after, before = (logit_confidence(forward(m, points[of]), mine) for m in (one.after, one.before))
                gains.setdefault(one.party, []).append(after - before)
        scores = np.full(len(view.candidates), np.nan)
        for party, found in gains.items():
            scores[rows[party]] = np.mean(found, axis=0)
        return scores_of(view.candidates, scores)


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
