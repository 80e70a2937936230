"""The floor of class shares: what the labelled candidates that the attacker asks about say of their parties."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from attacks.prototype.class_presence import BlindClasses
from attacks.prototype.reading import auxiliary_shares, labels_of, public_parties

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["BlindCandidates", "candidate_counts"]


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


def candidate_counts(view: View, party: str) -> Counter[str]:
    """Class -> how many of the party's candidates carry it; canaries, whose label may be made up, count where there are
    no others."""
    mine = [one for one in view.candidates if one.party == party and one.label in labels_of(view.public)]
    average = [one for one in mine if not one.canary]
    return Counter(str(one.label) for one in average or mine)
