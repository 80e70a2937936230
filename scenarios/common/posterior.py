"""Divisions of records among clients as they may have been, given which clients the membership candidates are from.

The law is that of :func:`harness.data.partition.by_dirichlet`: of every class the clients hold shares
p ~ Dirichlet(alpha). A candidate is a record drawn at random among those of all victims, so it tells of its client's
shares; a mislabelled canary tells of them twice, by the class it is of (which nobody says) and by the label it carries,
which is that of another record of its client. Shares are drawn from their posterior by Gibbs sampling (Geman and Geman
1984): true classes of canaries given shares, and shares given classes, the latter by Metropolis steps whose proposals
are the conjugate Dirichlet, some victims at a time. So the live run and its shadow runs are draws from one law: nothing but chance tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Division", "Seen", "likely_counts"]

SWEEPS = 25
"""Sweeps of the sampler: from a start that is close they are many."""
BLOCK = 3
"""Victims whose shares of a class are drawn anew at once: few, so that most draws are accepted."""


@dataclass(frozen=True)
class Division:
    """What everybody knows of a division of records among clients."""

    alpha: float
    totals: NDArray[np.float64]
    """Records of each class [C], of all clients together."""
    least: int
    """Records that every client has at least."""
    clients: int
    """The first of them is curious: no candidate is of it."""


@dataclass(frozen=True)
class Seen:
    """Candidates: the client each is of (1 ..), and its class or, where it is ``flipped``, the class it carries."""

    clients: NDArray[np.int64]
    classes: NDArray[np.int64]
    flipped: NDArray[np.bool_]


def likely_counts(division: Division, seen: Seen, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Counts [K, C] of ``size`` records beside the candidates, drawn from their posterior."""
    sampler = _Sampler(division, seen, rng)
    for _ in range(SWEEPS):
        sampler.sweep()
    of_candidates = np.bincount(sampler.true, minlength=len(division.totals))
    left = np.maximum(division.totals - of_candidates, 0.0)
    totals = _rounded(left * size / max(left.sum(), 1e-12), size)
    curious = np.minimum(np.rint(division.totals * sampler.own).astype(np.int64), totals)
    # Candidates are a sample without replacement of the victims' records: of what they leave there, each record falls
    # to a victim on its own.
    victims = [rng.multinomial(n, sampler.among[:, c]) for c, n in enumerate(totals - curious)]
    return np.vstack([curious, np.stack(victims, axis=1)])


class _Sampler:
    """State: shares of the curious client ``own`` [C], of the victims among themselves as independent gamma variables
    ``parts`` [K - 1, C] (normalised they are Dirichlet), and the true class of every candidate."""

    def __init__(self, division: Division, seen: Seen, rng: np.random.Generator) -> None:
        self.division, self.seen, self.rng = division, seen, rng
        self.true = np.where(seen.flipped, -1, seen.classes)  # a start without canaries, of which one knows least
        self.victims = seen.clients - 1
        self.own = np.array([self._own() for _ in division.totals])
        self.parts = np.stack([self._gammas(c) for c in range(len(division.totals))], axis=1)
        for _ in range(200):
            if self._enough(self.own, self.among):
                break
            self.own = np.array([self._own() for _ in division.totals])
        self._draw_true()

    def sweep(self) -> None:
        """Every unknown drawn once, given all others."""
        self._draw_true()
        now = self._weight(self.own, self.among)
        for c in self.rng.permutation(len(self.division.totals)).tolist():
            moves = np.array_split(self.rng.permutation(len(self.parts)), -(-len(self.parts) // BLOCK))
            for move in [None, *moves]:
                own, parts = self.own.copy(), self.parts.copy()
                if move is None:
                    own[c] = self._own()
                else:
                    parts[move, c] = self._gammas(c)[move]
                among = parts / parts.sum(0)
                then = self._weight(own, among)
                if self._enough(own, among) and np.log(self.rng.random()) < then - now:
                    self.own, self.parts, now = own, parts, then

    @property
    def among(self) -> NDArray[np.float64]:
        """Shares of every class among the victims [K - 1, C]."""
        among: NDArray[np.float64] = self.parts / self.parts.sum(0)
        return among

    def _own(self) -> float:
        k, alpha = self.division.clients, self.division.alpha
        return float(self.rng.beta(alpha, (k - 1) * alpha))

    def _gammas(self, c: int) -> NDArray[np.float64]:
        """Conjugate draw of unnormalised shares [K - 1]: every candidate of the class counts, and every label carried,
        which is another record's."""
        victims = self.division.clients - 1
        counts = np.bincount(self.victims[self.true == c], minlength=victims).astype(float)
        if (self.true >= 0).all():
            counts += np.bincount(self.victims[self.seen.flipped & (self.seen.classes == c)], minlength=victims)
        return self.rng.gamma(self.division.alpha + counts) + 1e-300

    def _held(self, own: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.float64]:
        """Records of every victim and class [K - 1, C]."""
        held: NDArray[np.float64] = self.division.totals * (1 - own) * among
        return held

    def _enough(self, own: NDArray[np.float64], among: NDArray[np.float64]) -> bool:
        held, least = self._held(own, among), self.division.least
        return bool(held.sum(1).min() >= least and (self.division.totals * own).sum() >= least)

    def _weight(self, own: NDArray[np.float64], among: NDArray[np.float64]) -> float:
        """Logarithm of the likelihood that the conjugate draws leave out."""
        held = self._held(own, among)
        flipped, kept = self.seen.flipped, np.log1p(-np.minimum(own, 1 - 1e-12))
        drawn = kept[self.true].sum() - len(self.true) * np.log(held.sum())
        others = held.sum(1)[self.victims[flipped]] - held[self.victims[flipped], self.true[flipped]]
        carried = kept[self.seen.classes[flipped]].sum() - np.log(np.maximum(others, 1e-9)).sum()
        return float(drawn + carried)

    def _draw_true(self) -> None:
        """The class of each mislabelled canary: any but the one it carries."""
        where = np.flatnonzero(self.seen.flipped)
        if not len(where):
            return
        held = self._held(self.own, self.among)[self.victims[where]] + 1e-9
        odds = held / np.maximum(held.sum(1, keepdims=True) - held, 1e-9)
        odds[np.arange(len(where)), self.seen.classes[where]] = 0.0
        edges = odds.cumsum(1)
        picks = self.rng.random(len(where))[:, None] * edges[:, -1:]
        self.true[where] = (edges < picks).sum(1)


def _rounded(exact: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Whole numbers of that sum: largest remainders first."""
    whole = np.floor(exact).astype(np.int64)
    order: Sequence[int] = np.argsort(whole - exact, kind="stable").tolist()
    for place in order[: size - int(whole.sum())]:
        whole[place] += 1
    return whole
