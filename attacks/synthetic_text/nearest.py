"""Distance to the nearest synthetic text, as a diagnostic beside the attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.evidence import scores_of
from attacks.membership.reading import by_party
from attacks.synthetic_text.distance import nearest_distance
from attacks.synthetic_text.reading import Released
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["NearestRecord"]


class NearestRecord(Attack):
    """How near a record lies to a synthetic text of its party, by the public encoder.

    Papers show by this that a release copies nothing; it overlooks most members (Yao et al. 2025), so it is never
    ranked.
    """

    name: ClassVar[str] = "nearest_record"
    summary: ClassVar[str] = "distance of a record to the nearest synthetic text (a diagnostic, never ranked)"
    source: ClassVar[str] = "Yao et al. 2025, The DCR Delusion"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("SYNTHETIC_TEXT",)
    diagnostic: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        """Minus the distance; the median where nothing was written."""
        released, scores = Released.of(view.transcript), np.full(len(view.candidates), np.nan)
        for party, rows in by_party(view.candidates).items():
            if texts := released.about(party):
                own = view.embed([view.candidates[row].text for row in rows]).double().numpy()
                scores[rows] = -nearest_distance(own, view.embed(list(texts)).double().numpy())
        return scores_of(view.candidates, scores)
