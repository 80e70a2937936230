"""Distance of records to their nearest synthetic text: a diagnostic, never a ranking.

Releases that pass such tests are still open to membership inference (Yao et al. 2025, "The DCR Delusion").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.candidates import by_party, scores_of
from attacks.toolkit.readers.synthetic_texts import Released
from harness.attack import Attack, Floats

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["NearestRecord", "nearest_distance"]


class NearestRecord(Attack):
    """Nearness of a record to the synthetic texts of its party, by the public encoder.

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


def nearest_distance(records: Floats, synthetic: Floats) -> Floats:
    """Euclidean distance ``[r]`` of each record ``[r, d]`` to the nearest of ``synthetic [s, d]``."""
    from scipy.spatial.distance import cdist

    distances: Floats = cdist(records, synthetic).min(1)
    return distances
