"""Blind guess at a property: its share in shadow runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.toolkit.view import population_of
from harness.attack import Attack

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["BlindProperty"]


class BlindProperty(Attack):
    """Without the transcript: every party alike, at the share that the property has in shadow runs."""

    name: ClassVar[str] = "blind_property"
    summary: ClassVar[str] = "how common the property is among shadow parties"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "property"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        """Party -> share."""
        known = [float(v) for shadow in view.shadows() for v in shadow.truth.get("property", {}).values()]
        prior = sum(known) / len(known) if known else 0.5
        return dict.fromkeys(population_of(view.public).parties, prior)
