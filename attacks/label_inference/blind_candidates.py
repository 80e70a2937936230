"""Blind guess at class shares: the labelled candidates of each party."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from attacks.label_inference.blind_classes import BlindClasses
from attacks.toolkit.candidates import candidate_counts
from attacks.toolkit.view import auxiliary_shares, public_parties

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["BlindCandidates"]


class BlindCandidates(BlindClasses):
    """Without the transcript: a party's classes are those of its membership candidates, smoothed by auxiliary shares.

    Candidates carry party and label, and half of them are in: a sample of the party's records that every attack holds.
    Canaries enter under another label than their own, so average candidates are counted, and canaries only where a
    party has no others. The auxiliary shares weigh as much as one candidate; a party without candidates gets them
    alone. For counts give ``size``, the usual number of records.
    """

    name: ClassVar[str] = "blind_candidates"
    summary: ClassVar[str] = "class shares of each party's membership candidates, smoothed by the auxiliary records'"

    def guess(self, view: View) -> Guess:
        """Party -> class -> share times ``size``."""
        usual = auxiliary_shares(view)
        return {party: self._shares(candidate_counts(view, party), usual) for party in public_parties(view)}

    def _shares(self, asked: Counter[str], usual: dict[str, float]) -> dict[str, float]:
        total = asked.total() + 1
        return {label: self.size * (asked[label] + share) / total for label, share in usual.items()}
