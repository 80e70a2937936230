"""Membership statistics of the ROC curve, exact under ties, fast under thousands of resampling weights.

Values are membership scores, larger for "member"; labels are 1 for members.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from harness.util.arrays import Floats, Ints, Mask

__all__ = ["Auc", "TprAtFpr"]


@dataclass(frozen=True)
class TprAtFpr:
    """True-positive rate at a pinned false-positive rate; values are membership scores, labels 1 = member.

    The rate is that of the last point of the ROC curve whose false-positive rate is at most ``alpha``; records
    with equal scores pass the threshold together. (Carlini et al. 2022, section III, pin the same rate.)
    """

    alpha: float

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"the false-positive rate must lie strictly between 0 and 1, not {self.alpha}")

    @property
    def labelled(self) -> bool:
        return True

    @property
    def bounded(self) -> bool:
        return False

    def linear(self, values: Floats, labels: Ints) -> tuple[Floats, Floats]:
        x, d = np.zeros(values.shape), np.zeros(values.shape)
        for column in range(values.shape[1]):
            members, outsiders, groups = _roc(values[:, column], labels)
            admitted = self._admitted(np.ones((len(values), 1)), float(len(outsiders)), outsiders, groups)[0]
            # The first group of equal non-member scores that is not admitted is the threshold.
            barrier = values[outsiders[groups[admitted]], column] if admitted < len(groups) else -np.inf
            x[members, column] = values[members, column] > barrier
            d[members, column] = float(len(outsiders) > 0)
        return x, d

    def resample(self, values: Floats, labels: Ints, weights: Floats) -> Floats:
        out = np.full((values.shape[1], weights.shape[1]), np.nan)
        inside, outside = _totals(values, labels, weights)
        for column in range(values.shape[1]):
            scores = values[:, column]
            members, outsiders, groups = _roc(scores, labels)
            if len(members) == 0 or len(outsiders) == 0:
                continue
            admitted = self._admitted(weights, outside[column], outsiders, groups)
            barriers = np.append(scores[outsiders[groups]], -np.inf)
            above = np.searchsorted(-scores[members], -barriers, side="left")  # members past each barrier
            passed = above[admitted]
            hits = _running(weights[members[: passed.max()]])
            out[column] = hits[passed, np.arange(weights.shape[1])] / inside[column]
        return out

    def classes(self, labels: Ints) -> list[Mask]:
        return [labels == 1]

    def proportion(self, values: Floats) -> bool:
        return True

    def remarks(self, labels: Ints) -> tuple[str, ...]:
        return ("few_nonmembers",) if (labels != 1).sum() < ceil(10 / self.alpha - 1e-9) else ()

    def _admitted(self, weights: Floats, total: Floats | float, outsiders: Ints, groups: Ints) -> Ints:
        """Number of whole groups of equal non-member scores that fit under alpha of their ``total``, per resample."""
        if len(groups) == 0:
            return np.zeros(weights.shape[1], dtype=np.int64)
        # The tolerance keeps 0.29 x 100 = 28.999... from losing a point that is exactly at the rate.
        room = self.alpha * total * (1 + 1e-12)
        # Only the highest scores matter: a few more groups than fit, and all if those were too few.
        for shown in (min(int(2 * self.alpha * len(groups)) + 20, len(groups)), len(groups)):
            stop = groups[shown] if shown < len(groups) else len(outsiders)
            passed = np.cumsum(_group_sums(weights[outsiders[:stop]], groups[:shown]), axis=0)
            if shown == len(groups) or (passed[-1] > room).all():
                break
        return np.asarray((passed <= room).sum(axis=0), dtype=np.int64)


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve: the chance that a member outscores a non-member, ties counting half."""

    @property
    def labelled(self) -> bool:
        return True

    @property
    def bounded(self) -> bool:
        return False

    def linear(self, values: Floats, labels: Ints) -> tuple[Floats, Floats]:
        x, d = np.zeros(values.shape), np.zeros(values.shape)
        for column in range(values.shape[1]):
            members, outsiders, _ = _roc(values[:, column], labels)
            if len(outsiders):
                below, upto = _beaten(values[members, column], values[outsiders, column])
                x[members, column] = (below + upto) / (2 * len(outsiders))
                d[members, column] = 1.0
        return x, d

    def resample(self, values: Floats, labels: Ints, weights: Floats) -> Floats:
        out = np.full((values.shape[1], weights.shape[1]), np.nan)
        inside, outside = _totals(values, labels, weights)
        for column in range(values.shape[1]):
            members, outsiders, _ = _roc(values[:, column], labels)
            if len(members) and len(outsiders):
                below, upto = _beaten(values[members, column], values[outsiders, column])
                lost = _running(weights[outsiders[::-1]])
                beaten = lost[below]
                beaten += lost[upto]
                wins = np.einsum("mr,mr->r", weights[members], beaten)
                out[column] = wins / (2 * outside[column] * inside[column])
        return out

    def classes(self, labels: Ints) -> list[Mask]:
        return [labels == 1, labels != 1]

    def proportion(self, values: Floats) -> bool:
        return False

    def remarks(self, labels: Ints) -> tuple[str, ...]:
        return ()


def _roc(scores: Floats, labels: Ints) -> tuple[Ints, Ints, Ints]:
    """Members and non-members by falling score, and where each group of equal non-member scores starts."""
    order = np.argsort(-scores, kind="stable")
    order = order[~np.isnan(scores[order])]
    members, outsiders = order[labels[order] == 1], order[labels[order] != 1]
    return members, outsiders, np.unique(-scores[outsiders], return_index=True)[1]


def _group_sums(weights: Floats, starts: Ints) -> Floats:
    return np.add.reduceat(weights, starts, axis=0) if len(starts) else weights


def _totals(values: Floats, labels: Ints, weights: Floats) -> tuple[Floats, Floats]:
    """Weights of the members and of the non-members that have a score, each (entries, resamples)."""
    scored = ~np.isnan(values.T)
    masks = np.concatenate([scored & (labels == 1), scored & (labels != 1)]).astype(float)
    inside, outside = np.split(masks @ weights, 2)
    return inside, outside


def _running(weights: Floats) -> Floats:
    """Running sums down the records with a leading row of zeros."""
    return np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(weights, axis=0)])


def _beaten(members: Floats, outsiders: Floats) -> tuple[Ints, Ints]:
    """For each member, how many non-members score less, and how many score no more."""
    rising = np.sort(outsiders)
    return np.searchsorted(rising, members, "left"), np.searchsorted(rising, members, "right")
