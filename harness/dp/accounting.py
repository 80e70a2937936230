"""Epsilon recomputed from the ledger of what the harness itself executed, for the view a coalition really has.

Gaussian releases compose exactly: Dong, Roth and Su (2022), "Gaussian differential privacy", corollary 3.3, with the
conversion of Balle and Wang (2018), theorem 8. As soon as Laplace noise or subsampled training is among them, privacy
loss distributions are composed numerically (Koskela et al., 2020; Google's dp-accounting).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from typing import Any, Literal

from harness.dp.releases import CLEAR, ELSEWHERE
from harness.store.schema import LedgerEntry

__all__ = ["Adjacency", "Loss", "Unit", "epsilon", "gaussian_epsilon", "losses", "view_epsilon"]

Adjacency = Literal["add_remove", "replace"]
Unit = Literal["record", "vector", "client"]

_FAMILY = {"gaussian": "gaussian", "gaussian_rows": "gaussian", "laplace": "laplace", "laplace_rows": "laplace"}


@dataclass(frozen=True)
class Loss:
    """``times`` releases with noise of one over ``ratio`` (in units of the sensitivity), each on a random share
    ``rate`` of the records. ``ratio`` None: nothing bounds what is released.
    """

    family: str
    ratio: float | None
    times: int
    rate: float = 1.0


def gaussian_epsilon(mu: float, delta: float) -> float:
    """Smallest epsilon of a ``mu``-Gaussian-private mechanism at ``delta`` (Balle and Wang, 2018, theorem 8)."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    def excess(value: float) -> float:
        left, right = norm.cdf(mu / 2 - value / mu), norm.logcdf(-mu / 2 - value / mu)
        return float(left - exp(min(700.0, value + right)) - delta)

    if mu <= 0 or excess(0.0) <= 0:
        return 0.0
    high = 1.0
    while excess(high) > 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-9))


def epsilon(losses: Iterable[Loss], delta: float, adjacency: Adjacency = "add_remove") -> float | None:
    """Epsilon at ``delta`` of all ``found`` together; None where one of them is unbounded (or delta is 0 and noise
    Gaussian). Subsampled training is ``dpsgd``, with the ratio 1 / noise multiplier.
    """
    present = [loss for loss in losses if loss.times and loss.ratio != 0]
    if any(loss.ratio is None for loss in present):
        return None
    families = {loss.family for loss in present}
    if delta == 0 and families - {"laplace"}:
        return None
    if families <= {"gaussian"}:
        return gaussian_epsilon(sqrt(sum(loss.times * (loss.ratio or 0.0) ** 2 for loss in present)), delta)
    if delta == 0:
        return sum(loss.times * (loss.ratio or 0.0) for loss in present)
    return _numerical(present, delta, adjacency)


def _numerical(losses: Sequence[Loss], delta: float, adjacency: Adjacency) -> float:
    from dp_accounting import NeighboringRelation
    from dp_accounting.pld import privacy_loss_distribution as pld

    one_in_or_out = adjacency == "add_remove"
    relation = NeighboringRelation.ADD_OR_REMOVE_ONE if one_in_or_out else NeighboringRelation.REPLACE_ONE
    total: Any = pld.identity()
    for loss in losses:
        scale = 1.0 / (loss.ratio or 1.0)
        if loss.family == "laplace":
            distribution = pld.from_laplace_mechanism(scale)
        elif loss.family == "gaussian":
            distribution = pld.from_gaussian_mechanism(scale)
        else:
            distribution = pld.from_gaussian_mechanism(scale, sampling_prob=loss.rate, neighboring_relation=relation)
        total = total.compose(distribution.self_compose(loss.times))
    return float(total.get_epsilon_for_delta(delta))


def losses(entries: Iterable[LedgerEntry], adjacency: Adjacency, unit: Unit = "record") -> list[Loss]:
    """Losses of one unit by one party's ledger entries: a record, one vector of a message, or all a client has."""
    parts = []
    for entry in entries:
        if entry.mechanism == "dpsgd" and unit != "record":
            parts.append(Loss("dpsgd", None, entry.releases))
        elif entry.mechanism == "dpsgd":
            ratio = None if not entry.scale or entry.clip is None else entry.clip / entry.scale
            parts.append(Loss("dpsgd", ratio, entry.releases, entry.sample_rate or 1.0))
        elif entry.mechanism in (CLEAR, ELSEWHERE):
            parts.append(Loss(entry.mechanism, None, entry.releases))
        elif entry.mechanism in _FAMILY and entry.field:
            parts.append(_released(entry, _FAMILY[entry.mechanism], adjacency, unit))
    return parts


def _released(entry: LedgerEntry, family: str, adjacency: Adjacency, unit: Unit) -> Loss:
    """By the scenario's bound where there is one, else vector by vector from the clip."""
    if unit == "vector":
        return Loss(family, entry.ratio_vector, 1)
    if unit == "client":
        return Loss(family, entry.ratio_vector, entry.vectors)
    declared = entry.ratio_add_remove if adjacency == "add_remove" else entry.ratio_replace
    if declared is not None:
        return Loss(family, declared, entry.releases)
    return Loss(family, entry.ratio_vector, entry.vectors)


def view_epsilon(
    ledger: Sequence[LedgerEntry],
    delta: float,
    adjacency: Adjacency = "add_remove",
    unit: Unit = "record",
    sealed: frozenset[str] = frozenset(),
) -> float | None:
    """The worst party's epsilon where messages of the kinds ``sealed`` are seen only as their sum over all parties.

    In a sum the parties' Gaussian noises add up; of other noise a party counts on its own alone, which bounds it.
    """
    parties = {entry.party for entry in ledger}
    summed = [_in_sum(entry, ledger) if entry.kind in sealed else entry for entry in ledger]
    distinct = {
        tuple(losses([entry for entry in summed if entry.party == party], adjacency, unit)) for party in parties
    }  # parties mostly do the same, and accounting takes seconds
    values = [epsilon(found, delta, adjacency) for found in distinct]
    return None if None in values else max((value for value in values if value is not None), default=0.0)


def _in_sum(entry: LedgerEntry, ledger: Sequence[LedgerEntry]) -> LedgerEntry:
    """The entry with the noise of the whole sum: the ratio shrinks by the own share of the variance."""
    if entry.mechanism != "gaussian" or not entry.scale:
        return entry
    place = ("gaussian", entry.kind, entry.field)
    scales: dict[str, float] = {}
    for other in ledger:
        if (other.mechanism, other.kind, other.field) == place:
            scales[other.party] = min(other.scale, scales.get(other.party, other.scale))
    shrink = entry.scale / sqrt(sum(scale**2 for scale in {**scales, entry.party: entry.scale}.values()))
    names = ("ratio_add_remove", "ratio_replace", "ratio_vector")
    return entry.model_copy(update={n: None if (r := getattr(entry, n)) is None else r * shrink for n in names})
