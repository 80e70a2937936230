"""What shadow runs teach about every candidate: how its score is spread where it was in the data, and where not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.attack import DataError, Floats, Ints, Mask

__all__ = ["MANY", "Gaussians", "fit_gaussians", "fit_outside", "shrink_means", "shrink_shifts"]

MANY = 64
"""Shadows from which on every candidate gets variances of its own (Carlini et al. 2022, section V-B)."""

ENOUGH = 30
"""Degrees of freedom from which on a group has a variance of its own."""

TINY = 1e-12


@dataclass(frozen=True)
class Gaussians:
    """Per candidate ``[m]``: mean and variance of its score in shadows with and without it, and how many those were."""

    mean_in: Floats
    mean_out: Floats
    variance_in: Floats
    variance_out: Floats
    count_in: Ints
    count_out: Ints
    doubt: Floats
    """Variance of the means themselves, to be added to the spread of a new score; zero as published."""

    @property
    def shift(self) -> Floats:
        """How far membership moves each score."""
        return self.mean_in - self.mean_out

    def blurred(self, variance: Floats | float) -> Gaussians:
        """With the variance of known noise that the shadows do not carry and the target does."""
        return replace(self, variance_in=self.variance_in + variance, variance_out=self.variance_out + variance)

    def reshaped(self, variance: Floats) -> Gaussians:
        """With known noise, which the shadows carry too, put where it is: its mean out of the pooled variances, the
        candidate's own ``variance [m]`` in."""
        rest = [np.maximum(v - variance.mean(), 0.05 * v) for v in (self.variance_in, self.variance_out)]
        return replace(self, variance_in=rest[0] + variance, variance_out=rest[1] + variance)


def fit_gaussians(
    scores: Floats, members: Mask, *, groups: Ints | None = None, fixed_variance: bool | None = None
) -> Gaussians:
    """Gaussians of every candidate from ``scores [shadows, m]``, ``members [shadows, m]`` (True: was in the data).

    ``fixed_variance`` shares one variance "in" and one "out" among all candidates of a group (None: below ``MANY``
    shadows); ``groups [m]`` are candidates that are alike, such as the canaries of one party. A candidate that was
    always or never in gets its missing mean by the average shift of the others.

    Raises:
        DataError: shapes differ, a score is not finite, or no candidate was both in and out.
    """
    _check(scores, members)
    fixed = len(scores) < MANY if fixed_variance is None else fixed_variance
    count_in, count_out = members.sum(0), (~members).sum(0)
    mean_in, mean_out = _mean(scores, members), _mean(scores, ~members)
    shift = float(np.mean((mean_in - mean_out)[(count_in > 0) & (count_out > 0)]))
    mean_in = np.where(count_in > 0, mean_in, mean_out + shift)
    mean_out = np.where(count_out > 0, mean_out, mean_in - shift)
    marks = np.zeros(scores.shape[1], dtype=np.int64) if groups is None else np.unique(groups, return_inverse=True)[1]
    variance_in = _variance(scores, members, mean_in, marks, fixed)
    variance_out = _variance(scores, ~members, mean_out, marks, fixed)
    doubt = np.zeros(scores.shape[1])
    return Gaussians(mean_in, mean_out, variance_in, variance_out, count_in, count_out, doubt)


def fit_outside(
    scores: Floats, members: Mask, *, groups: Ints | None = None, fixed_variance: bool | None = None
) -> Gaussians:
    """The same from shadows without the candidate alone: what others score may be nan, and is never read.

    Nothing is known of members: ``mean_in`` is ``mean_out``, seen 0 times. A candidate that every shadow had gets the
    mean of its group.

    Raises:
        DataError: shapes differ, a score outside is not finite, or no candidate was out of any shadow.
    """
    outside = ~members
    _check_outside(scores, members)
    fixed = len(scores) < MANY if fixed_variance is None else fixed_variance
    marks = np.zeros(scores.shape[1], dtype=np.int64) if groups is None else np.unique(groups, return_inverse=True)[1]
    count, mean = outside.sum(0), _mean(scores, outside)
    seen = count > 0
    usual = np.bincount(marks, mean * seen) / np.maximum(np.bincount(marks, seen), 1)
    anywhere = np.where(np.bincount(marks, seen) > 0, usual, mean[seen].mean())
    mean = np.where(seen, mean, anywhere[marks])
    variance = _variance(scores, outside, mean, marks, fixed)
    never = np.zeros_like(count)
    return Gaussians(mean, mean, variance, variance, never, count, np.zeros(len(mean)))


def shrink_means(model: Gaussians, groups: Ints | None = None) -> Gaussians:
    """The same with every non-member mean drawn towards that of its group, as far as its shadows leave it uncertain.

    Empirical Bayes as in :func:`shrink_shifts`; what stays uncertain of the mean goes to ``doubt``.
    """
    marks = np.zeros(len(model.mean_out), dtype=np.int64) if groups is None else np.asarray(groups)
    error = model.variance_out / np.maximum(model.count_out, TINY)
    mean, doubt = model.mean_out.copy(), model.doubt.copy()
    for group in np.unique(marks):
        of = marks == group
        centre, spread = _prior(mean[of], error[of])
        mean[of] = centre + spread / (spread + error[of]) * (mean[of] - centre)
        doubt[of] = spread * error[of] / (spread + error[of])
    return replace(model, mean_in=mean, mean_out=mean, doubt=doubt)


def shrink_shifts(model: Gaussians, groups: Ints | None = None) -> Gaussians:
    """The same candidates with every shift drawn towards the mean shift of its group (canaries, say, or a class).

    Few shadows tell a candidate's own shift badly and the average one well: empirical Bayes with a Gaussian prior
    whose variance is estimated by moments (Morris 1983). The means follow from the shift by weighted least squares,
    and what stays uncertain of them goes to ``doubt``.
    """
    marks = np.zeros(len(model.mean_in), dtype=np.int64) if groups is None else np.asarray(groups)
    error = model.variance_in / np.maximum(model.count_in, TINY) + model.variance_out / np.maximum(
        model.count_out, TINY
    )
    shift = model.shift.copy()
    for group in np.unique(marks):
        of = marks == group
        shift[of] = _towards_mean(model.shift[of], error[of])
    weight_in, weight_out = model.count_in / model.variance_in, model.count_out / model.variance_out
    total = weight_in + weight_out
    mean_out = (weight_out * model.mean_out + weight_in * (model.mean_in - shift)) / total
    return replace(model, mean_in=mean_out + shift, mean_out=mean_out, doubt=1.0 / total)


def _towards_mean(values: Floats, errors: Floats) -> Floats:
    """Posterior means of ``values`` with sampling variances ``errors`` under one Gaussian prior."""
    centre, spread = _prior(values, errors)
    return np.asarray(centre + spread / (spread + errors) * (values - centre), dtype=np.float64)


def _prior(values: Floats, errors: Floats) -> tuple[float, float]:
    """Mean and variance of that prior, by moments."""
    weights = 1.0 / errors
    centre = float(np.average(values, weights=weights))
    return centre, max(float(np.average((values - centre) ** 2 - errors, weights=weights)), 0.0)


def _mean(scores: Floats, mask: Mask) -> Floats:
    return np.asarray(np.where(mask, scores, 0.0).sum(0) / np.maximum(mask.sum(0), 1), dtype=np.float64)


def _variance(scores: Floats, mask: Mask, mean: Floats, groups: Ints, fixed: bool) -> Floats:
    """Unbiased variances ``[m]``, pooled over the group where asked or where a candidate has fewer than two scores.

    A group of few scores shares the variance of all.
    """
    squares = (np.where(mask, scores - mean, 0.0) ** 2).sum(0)
    freedom = np.maximum(mask.sum(0) - 1, 0)
    of_group, freedoms = np.bincount(groups, squares), np.bincount(groups, freedom)
    overall = squares.sum() / max(freedom.sum(), 1)
    pooled = np.where(freedoms >= ENOUGH, of_group / np.maximum(freedoms, 1), overall)[groups] + TINY
    own = squares / np.maximum(freedom, 1) + TINY
    return np.asarray(pooled if fixed else np.where(freedom > 0, own, pooled), dtype=np.float64)


def _check_outside(scores: Floats, members: Mask) -> None:
    if scores.ndim != 2 or scores.shape != members.shape:
        raise DataError(f"shadow scores {list(scores.shape)} for members {list(members.shape)}; give two [shadows, m]")
    if members.all():
        raise DataError(f"every candidate was in all of {len(scores)} shadows: use more shadows")
    if odd := int((~np.isfinite(scores) & ~members).sum()):
        raise DataError(f"{odd} scores of shadows without the candidate are not finite")


def _check(scores: Floats, members: Mask) -> None:
    problems = []
    if scores.ndim != 2 or scores.shape != members.shape:
        problems.append(f"scores {list(scores.shape)} for members {list(members.shape)}; give two [shadows, m]")
    elif not (members.any(0) & ~members.all(0)).any():
        problems.append(f"no candidate was in some of {len(scores)} shadows and out of others; use more shadows")
    if not np.isfinite(scores).all():
        problems.append(f"{int((~np.isfinite(scores)).sum())} scores are not finite")
    if problems:
        raise DataError("shadow scores: " + "; ".join(problems))
