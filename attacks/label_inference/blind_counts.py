"""Blind guess at class counts: the usual count under the public division of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.prototype_space.space import known_count
from attacks.toolkit.view import labels_of, party_count, population_of, public_parties
from harness.attack import Attack, PopulationFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Public, Shadow, View

__all__ = ["BlindCounts", "usual_count"]

AIMS = ("exact", "error")


class BlindCounts(Attack):
    """Without the transcript: the usual count of a class under the public division of records among clients.

    ``size``: records of one party (0: as many as the auxiliary records are for each client). ``aim``: the likeliest
    count (``exact``, which is what ranks count) or the one of least expected ``error``, the median. With ``shadows``
    the guess is the median over what the attacker itself drew for that party, which is like the party's candidates;
    nothing that shadows sent is looked at.
    """

    name: ClassVar[str] = "blind_counts"
    summary: ClassVar[str] = "the usual class count under the public division of records"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "count"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(self, *, size: float = 0.0, aim: str = "exact", shadows: int = 0) -> None:
        if aim not in AIMS or size < 0:
            raise SuiteError(f"blind_counts: aim {aim!r} of {', '.join(AIMS)}; size {size}, which must not be negative")
        self.size = size
        self.aim = aim
        self.shadows = shadows

    def guess(self, view: View) -> Guess:
        """Party -> class -> number of records."""
        prior, labels = self._prior(view.public), labels_of(view.public)
        drawn = view.shadows(self.shadows) if self.shadows else []

        def count(party: str, label: str) -> float:
            known = _drawn(drawn, party, label, labels)
            return float(np.median(known)) if known else float(prior[label])

        return {party: {label: count(party, label) for label in labels} for party in public_parties(view)}

    def _prior(self, public: Public) -> Mapping[str, int]:
        """The usual count of each class, the same for every party."""
        own, population = [record.label for record in public.auxiliary], population_of(public)
        if not own:
            raise SuiteError("blind_counts: how frequent classes are is read off auxiliary records; there are none")
        clients = population.clients or party_count(public)
        alpha = population.alpha if population.partition == "dirichlet" else None
        total = self.size * clients or len(own)
        shares = {label: own.count(label) / len(own) for label in labels_of(public)}
        return {label: usual_count(share * total, clients, alpha, self.aim) for label, share in shares.items()}


def usual_count(total: float, clients: int, alpha: float | None, aim: str = "exact") -> int:
    """The likeliest (``exact``) or median (``error``) number of ``total`` records of a class that one client has.

    A Dirichlet(``alpha``) cut among ``clients`` gives each a share of law Beta(alpha, (clients - 1) alpha); without
    ``alpha`` every record is with any client alike.
    """
    from scipy.special import betainc
    from scipy.stats import binom

    most = max(round(total), 0)
    if clients < 2 or most == 0:
        return most
    counts = np.arange(most + 1)
    if alpha is None:
        below = binom.cdf(counts, most, 1 / clients)
    else:
        below = betainc(alpha, (clients - 1) * alpha, np.minimum((counts + 0.5) / most, 1.0))
    if aim == "error":
        return int(np.argmax(below >= 0.5))
    return int(np.argmax(np.diff(below, prepend=0.0)))


def _drawn(shadows: Sequence[Shadow], party: str, label: str, labels: Sequence[str]) -> list[float]:
    """The counts that the attacker drew for its shadow runs."""
    counts = [known_count(shadow.truth, party, label, labels) for shadow in shadows]
    return [count for count in counts if count is not None]
