"""Class shares of a client, from the counts that it sends, and the floor of that attack."""

from __future__ import annotations

from typing import ClassVar

from harness.attack import SERVER, Attack, Guess, Kind, Public, View


def classes(public: Public) -> list[str]:
    """Classes of the attacker's own records, in order."""
    return sorted({str(record.label) for record in public.auxiliary})


class CountShares(Attack):
    """Rows of the counts, as shares of their sum."""

    name: ClassVar[str] = "count_shares"
    summary: ClassVar[str] = "reads class shares off the counts"
    source: ClassVar[str] = "a test; no paper"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)

    def guess(self, view: View) -> Guess:
        """Party -> class -> share."""
        names = classes(view.public)
        shares = {}
        for seen in view.transcript:
            if seen.receiver == SERVER and seen.message.kind is Kind.PARAMETERS:
                rows = seen.message["counts"].sum(1).clamp(min=0.01)
                shares[seen.sender] = dict(zip(names, (rows / rows.sum()).tolist(), strict=True))
        return shares


class EqualShares(Attack):
    """The floor: all classes alike."""

    name: ClassVar[str] = "equal_shares"
    summary: ClassVar[str] = "guesses equal shares"
    source: ClassVar[str] = "a test; no paper"
    secret: ClassVar[str] = "label_distribution"
    blind: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        """No party is named: a party without a guess counts as guessed uniform."""
        return {}
