"""Blind guess at classes: the auxiliary records' class shares for every party."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.toolkit.view import auxiliary_shares, public_parties
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["BlindClasses"]


class BlindClasses(Attack):
    """Without the transcript: every party is like the auxiliary records.

    Shares for a label distribution and for presence; for counts give ``size``, the usual number of records.
    """

    name: ClassVar[str] = "blind_classes"
    summary: ClassVar[str] = "the auxiliary records' class shares for every party"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True

    def __init__(self, *, size: float = 1.0) -> None:
        self.size = size

    def guess(self, view: View) -> Guess:
        """Party -> class -> share times ``size``."""
        shares = {label: self.size * share for label, share in auxiliary_shares(view).items()}
        return {party: dict(shares) for party in public_parties(view)}
