"""Divisions of records among clients as they may have been, given which clients the membership candidates are from.

The law is that of :func:`harness.data.partition.by_dirichlet`: of every class the clients hold shares
p ~ Dirichlet(alpha). A candidate is a record drawn at random among those of all victims, so it tells of its client's
shares; a mislabelled canary tells of them twice, by the class it is of (which nobody says) and by the label it carries,
which is that of another record of its client. Shares are drawn from their posterior by Gibbs sampling (Geman and Geman
1984): true classes of canaries given shares, and shares given classes, the latter by Metropolis steps, conjugate draws
and steps on the logarithmic scale in turn. So the live run and its shadow runs are draws from one law: nothing but
chance tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.scenario import single_flight

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Division", "Seen", "likely_counts"]

SWEEPS = 40
"""Sweeps of the sampler: after 20, counts behind canaries were 7 % too large, after 60 within 3 %."""


@dataclass(frozen=True)
class Division:
    """A division of records among clients, as far as everybody knows it."""

    alpha: float
    totals: tuple[float, ...]
    """Records of each class [C], of all clients together."""
    least: int
    """Records that every client has at least."""
    clients: int
    """The first of them is curious: no candidate is of it."""


@dataclass(frozen=True)
class Seen:
    """Candidates: the client each is of (1 ..), and its class or, where it is ``flipped``, the class it carries."""

    clients: tuple[int, ...]
    classes: tuple[int, ...]
    flipped: tuple[bool, ...]
    picked: tuple[bool, ...]
    """Chosen for what it is (rare words), not at random: its class tells nothing, but whose it is in its class does."""


@single_flight(maxsize=256)
def likely_counts(division: Division, seen: Seen, size: int, seed: int) -> NDArray[np.int64]:
    """Counts [K, C] of ``size`` records beside the candidates, drawn from their posterior with that seed: once for all
    defenses, which have the same shadow runs."""
    rng = np.random.default_rng(seed)
    sampler = _Sampler(division, seen, rng)
    for _ in range(SWEEPS):
        sampler.sweep()
    of_candidates = np.bincount(sampler.true, minlength=len(division.totals))
    totals_of_all = np.array(division.totals)
    left = np.maximum(totals_of_all - of_candidates, 0.0)
    totals = _rounded(left * size / max(left.sum(), 1e-12), size)
    curious = np.minimum(np.rint(totals_of_all * sampler.own).astype(np.int64), totals)
    # Candidates are a sample without replacement of the victims' records: of what they leave there, each record falls
    # to a victim on its own.
    victims = [rng.multinomial(n, sampler.among[:, c]) for c, n in enumerate(totals - curious)]
    return np.vstack([curious, np.stack(victims, axis=1)])


class _Sampler:
    """State: shares of the curious client ``own`` [C], of the victims among themselves as independent gamma variables
    ``parts`` [K - 1, C] (normalised they are Dirichlet), and the true class of every candidate."""

    def __init__(self, division: Division, seen: Seen, rng: np.random.Generator) -> None:
        self.division, self.rng = division, rng
        self.totals = np.array(division.totals)
        self.victims, self.classes = np.array(seen.clients, dtype=np.int64) - 1, np.array(seen.classes, dtype=np.int64)
        self.is_flipped = np.array(seen.flipped, dtype=np.bool_)
        self.at_random = ~np.array(seen.picked, dtype=np.bool_)
        self.shape = (division.clients - 1, len(division.totals))
        self.carried = self._table(self.classes, self.is_flipped)
        self.true = self.classes.copy()
        self.counts = self._table(self.classes, ~self.is_flipped)
        self.own = self._own()
        self.parts = self._gammas(self.counts + 0.5 * self.carried)
        for _ in range(200):
            if self._enough(self.own, self.parts):
                break
            self.own = self._own()
        self._draw_true()

    @property
    def among(self) -> NDArray[np.float64]:
        """Shares of every class among the victims [K - 1, C]."""
        among: NDArray[np.float64] = self.parts / self.parts.sum(0)
        return among

    def sweep(self) -> None:
        """Every unknown drawn once, given all others."""
        self._draw_true()
        now = self._weight(self.own, self.parts)
        victims, classes = self.shape
        for c in self.rng.permutation(classes).tolist():
            own = self.own.copy()
            own[c] = self._own()[c]
            now = self._tried(own, self.parts, now, 0.0)
            fresh = self._gammas(self.counts)[:, c]
            for k in self.rng.permutation(victims).tolist():
                parts = self.parts.copy()
                parts[k, c] = fresh[k]
                now = self._tried(self.own, parts, now, 0.0)
                # A step on the logarithmic scale as well: where canaries say much, few fresh draws are accepted.
                parts, old = self.parts.copy(), float(self.parts[k, c])
                parts[k, c] = new = old * float(np.exp(self.rng.normal()))
                shape = self.division.alpha + self.counts[k, c]
                now = self._tried(self.own, parts, now, shape * np.log(new / old) - (new - old))

    def _tried(self, own: NDArray[np.float64], parts: NDArray[np.float64], now: float, prior: float) -> float:
        """Accept or not; the weight of the state after it."""
        if not self._enough(own, parts):
            return now
        then = self._weight(own, parts)
        if np.log(self.rng.random()) >= then - now + prior:
            return now
        self.own, self.parts = own, parts
        return then

    def _own(self) -> NDArray[np.float64]:
        k, alpha = self.division.clients, self.division.alpha
        return self.rng.beta(alpha, (k - 1) * alpha, size=self.shape[1])

    def _gammas(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Conjugate draws of unnormalised shares [K - 1, C]."""
        return self.rng.gamma(self.division.alpha + counts) + 1e-200

    def _table(self, classes: NDArray[np.int64], which: NDArray[np.bool_]) -> NDArray[np.float64]:
        table = np.zeros(self.shape)
        np.add.at(table, (self.victims[which], classes[which]), 1.0)
        return table

    def _held(self, own: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Records of every victim and class [K - 1, C]."""
        held: NDArray[np.float64] = self.totals * (1 - own) * parts / parts.sum(0)
        return held

    def _enough(self, own: NDArray[np.float64], parts: NDArray[np.float64]) -> bool:
        least = self.division.least
        return bool(self._held(own, parts).sum(1).min() >= least and self.totals @ own >= least)

    def _weight(self, own: NDArray[np.float64], parts: NDArray[np.float64]) -> float:
        """Logarithm of the likelihood that the conjugate draws leave out: that victims' records alone are candidates,
        and that a canary carries the label of a record of its client that is of another class than its own."""
        held = self._held(own, parts)
        drawn = self.drawn @ np.log1p(-np.minimum(own, 1 - 1e-12)) - self.drawn.sum() * np.log(held.sum())
        others = np.maximum(held.sum(1, keepdims=True) - held, 1e-9)
        carried = (self.carried * np.log(held + 1e-9) - self.flipped * np.log(others)).sum()
        return float(drawn + carried)

    def _draw_true(self) -> None:
        """The class of each mislabelled canary: any but the one it carries."""
        where = np.flatnonzero(self.is_flipped)
        held = self._held(self.own, self.parts)[self.victims[where]] + 1e-9
        odds = held / np.maximum(held.sum(1, keepdims=True) - held, 1e-9)
        odds[np.arange(len(where)), self.classes[where]] = 0.0
        edges = odds.cumsum(1)
        picks = self.rng.random(len(where))[:, None] * edges[:, -1:]
        self.true[where] = (edges < picks).sum(1)
        self.flipped = self._table(self.true, self.is_flipped)
        self.counts = self._table(self.true, np.ones(len(self.true), dtype=np.bool_))
        self.drawn = self._table(self.true, self.at_random).sum(0)


def _rounded(exact: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Whole numbers of that sum: largest remainders first."""
    whole = np.floor(exact).astype(np.int64)
    order: Sequence[int] = np.argsort(whole - exact, kind="stable").tolist()
    for place in order[: size - int(whole.sum())]:
        whole[place] += 1
    return whole
