"""Blind guess at labels of training records: one number for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["BlindLabels"]


class BlindLabels(Attack):
    """The share of class 1 among the auxiliary records, as everyone's probability."""

    name: ClassVar[str] = "blind_labels"
    summary: ClassVar[str] = "share of the class among auxiliary records"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)
    blind: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        """One probability for every record."""
        facts = view.public.need(FinetuneFacts)
        known = [record.label == facts.labels[1] for record in view.public.auxiliary if record.label in facts.labels]
        share = sum(known) / len(known) if known else 0.5
        return {record: share for batch in facts.batches for record in batch}
