"""From one seed's per-record scores to one number, plainly and under resampling weights.

A statistic sees scores as ``values`` of shape (records, entries), the records' classes as ``labels`` of shape
(records,), and resampling weights of shape (records, resamples). nan means undefined and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from harness.util.arrays import Floats, Ints, Mask

__all__ = ["BalancedAccuracy", "Mean", "Statistic"]


class Statistic(Protocol):
    """A number in [0, 1] of a whole sample, larger when the attack is better."""

    @property
    def labelled(self) -> bool:
        """True where the statistic needs each record's class."""

    @property
    def bounded(self) -> bool:
        """True where the per-record scores themselves must lie in [0, 1]."""

    def linear(self, values: Floats, labels: Ints) -> tuple[Floats, Floats]:
        """(x, d), each (records, entries): the statistic is sum(x) / sum(d), record by record additive."""

    def resample(self, values: Floats, labels: Ints, weights: Floats) -> Floats:
        """The statistic under each column of weights, recomputed in full; shape (entries, resamples)."""

    def classes(self, labels: Ints) -> list[Mask]:
        """The groups of records whose smallest decides how finely the statistic can be known."""

    def proportion(self, values: Floats) -> bool:
        """True where the statistic of this one entry (records,) is a share of all-or-nothing outcomes."""

    def remarks(self, labels: Ints) -> tuple[str, ...]:
        """Remarks that a reader must know about a sample of this size."""


@dataclass(frozen=True)
class Mean:
    """The mean of per-record scores, over the records where the metric is defined."""

    bounded: bool = True

    @property
    def labelled(self) -> bool:
        return False

    def linear(self, values: Floats, labels: Ints) -> tuple[Floats, Floats]:
        defined = ~np.isnan(values)
        return np.where(defined, values, 0.0), defined.astype(float)

    def resample(self, values: Floats, labels: Ints, weights: Floats) -> Floats:
        x, d = self.linear(values, labels)
        with np.errstate(invalid="ignore"):
            return np.asarray((x.T @ weights) / (d.T @ weights))

    def classes(self, labels: Ints) -> list[Mask]:
        return [np.ones(len(labels), dtype=bool)]

    def proportion(self, values: Floats) -> bool:
        return bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())

    def remarks(self, labels: Ints) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class BalancedAccuracy:
    """The mean over classes of recall; values are 1 where the guess was right, labels the true class."""

    @property
    def labelled(self) -> bool:
        return True

    @property
    def bounded(self) -> bool:
        return True

    def linear(self, values: Floats, labels: Ints) -> tuple[Floats, Floats]:
        x, d = Mean().linear(values, labels)
        for members in self.classes(labels):
            size = np.maximum(d[members].sum(axis=0), 1.0)
            x[members] /= size
            d[members] /= size
        return x, d

    def resample(self, values: Floats, labels: Ints, weights: Floats) -> Floats:
        recalls = [Mean().resample(values[m], labels[m], weights[m]) for m in self.classes(labels)]
        # A class whose every record is undefined has no recall and does not count.
        recalls = [np.where(np.isnan(recall), 0.0, recall) for recall in recalls]
        present = np.stack([~np.isnan(values[m]).all(axis=0) for m in self.classes(labels)]).sum(axis=0)
        with np.errstate(invalid="ignore"):
            return np.asarray(sum(recalls) / present[:, None])

    def classes(self, labels: Ints) -> list[Mask]:
        return [labels == label for label in np.unique(labels)]

    def proportion(self, values: Floats) -> bool:
        return False

    def remarks(self, labels: Ints) -> tuple[str, ...]:
        return ("one_class",) if len(np.unique(labels)) < 2 else ()
