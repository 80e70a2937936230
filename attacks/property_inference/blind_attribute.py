"""Blind guess at an attribute: its share among auxiliary records."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.attack import Attack, SplitFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["BlindAttribute"]


class BlindAttribute(Attack):
    """The share of auxiliary records that have the attribute, as everyone's probability."""

    name: ClassVar[str] = "blind_attribute"
    summary: ClassVar[str] = "prior probability of the attribute among auxiliary records"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "attribute"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (SplitFacts,)

    def __init__(self, *, attribute: str) -> None:
        self.attribute = attribute

    def guess(self, view: View) -> Guess:
        """One probability for every record; one half if no auxiliary record knows the attribute."""
        known = [one.attributes[self.attribute] for one in view.public.auxiliary if self.attribute in one.attributes]
        prior = sum(known) / len(known) if known else 0.5
        return {observation.record: prior for observation in view.sessions.observations()}
