"""Class shares from label counts that parties send in the clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_inference.blind_candidates import BlindCandidates
from attacks.label_inference.reference_answers import named
from harness.attack import Attack, Floats, Kind, LogitFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["SentCounts"]


class SentCounts(Attack):
    """Label counts as parties sent them; of a party heard only through its edge, those of the whole group.

    Counts of one party are exact where no defense changed them. A party of which no count is seen gets the blind guess.
    """

    name: ClassVar[str] = "sent_counts"
    summary: ClassVar[str] = "label counts in the protocol's control messages, the party's own or its group's"
    source: ClassVar[str] = "structure of FedHKT's messages (Deng et al. 2023)"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ("CONTROL",)

    def guess(self, view: View) -> Guess:
        """Party -> class -> share.

        Raises:
            SuiteError: no counts are sent to this coalition.
        """
        counts = _counts(view)
        known = view.public.facts_of(LogitFacts)
        edges = known.edges if known else {}
        groups = {party: counts[edge] for edge, members in edges.items() if edge in counts for party in members}
        own = {party: row for party, row in counts.items() if party not in edges}
        return {**BlindCandidates().guess(view), **named(view, {**groups, **own})}


def _counts(view: View) -> dict[str, Floats]:
    """Sender -> class shares ``[classes]`` of the last counts that it sent; below 0 there is noise, and no record."""
    counts = {
        sighting.sender: np.maximum(sighting.message["counts"].double().numpy(), 0.0)
        for sighting in view.transcript
        if sighting.message.kind is Kind.CONTROL and "counts" in sighting.message.payload
    }
    if not counts:
        raise SuiteError("no label counts are sent to this coalition: in FedHKT clients and edges do")
    return {sender: row / row.sum() for sender, row in counts.items() if row.sum() > 0}
