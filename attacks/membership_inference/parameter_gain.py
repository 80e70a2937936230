"""Membership by the confidence that local training added to the model a client was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.candidates import by_party, label_ids, scores_of
from attacks.toolkit.confidence import logit_confidence
from attacks.toolkit.readers.parameters import forward, uploads
from attacks.toolkit.view import embeddings
from harness.attack import Attack, Floats, PopulationFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["ParameterGain"]


class ParameterGain(Attack):
    """Confidence that local training added: an upload's less that of the model the client was sent before.

    A candidate that is easy, or hard, for everyone is so for the model that training started from, so that no shadow
    runs are needed. Averaged over the uploads of which the start was seen.
    """

    name: ClassVar[str] = "parameter_gain"
    summary: ClassVar[str] = "how much a client's training raised the confidence in the candidate's label"
    source: ClassVar[str] = "Watson et al. 2022 (difficulty calibration), by the model that training started from"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        points, labels = (
            embeddings(view, [one.text for one in view.candidates]),
            label_ids(view.candidates, view.public),
        )
        gains: dict[str, list[Floats]] = {}
        rows = by_party(view.candidates)
        for upload in uploads(view.transcript, rows):
            if upload.before is not None:
                of, own = rows[upload.party], labels[rows[upload.party]]
                after, before = (logit_confidence(forward(m, points[of]), own) for m in (upload.after, upload.before))
                gains.setdefault(upload.party, []).append(after - before)
        scores = np.full(len(view.candidates), np.nan)
        for party, differences in gains.items():
            scores[rows[party]] = np.mean(differences, axis=0)
        return scores_of(view.candidates, scores)
