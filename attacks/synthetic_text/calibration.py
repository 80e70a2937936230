"""Membership scores from a signal on the released texts and the same signal on reference runs.

Reference runs draw every candidate into their training data with probability one half. A record that is common, or
easy, has a high signal everywhere; calibration takes that out.
"""

from __future__ import annotations

import numpy as np

from harness.errors import DataError
from harness.score.statistic import Floats, Mask

__all__ = ["MINIMUM", "likelihood_calibrated", "ratio_calibrated"]

MINIMUM = 4
"""Reference runs from which on a calibration is reported."""


def ratio_calibrated(signal: Floats, references: Floats, *, gamma: float = 1.0) -> Floats:
    """Score ``[c]`` of ``signal [c]`` (log scale) against ``references [M, c]``: the share of candidates it dominates.

    RMIA (Zarifzadeh et al. 2024, equations 2 and 3) with the candidates themselves as the population: the log-ratio
    of the signal to its mean over references, compared with everyone else's log-ratio plus ``log gamma``.
    """
    from scipy.special import logsumexp

    _check(signal, references)
    ratio = signal - (logsumexp(references, axis=0) - np.log(len(references)))
    rising = np.sort(ratio)
    # Half the ties, so that a signal without information scores one half.
    threshold = ratio - np.log(gamma)
    below, upto = np.searchsorted(rising, threshold, "left"), np.searchsorted(rising, threshold, "right")
    share: Floats = (below + upto) / (2 * len(rising))
    return share


def likelihood_calibrated(signal: Floats, references: Floats, members: Mask) -> Floats:
    """Log-likelihood ratio ``[c]`` of in against out: Gaussians fitted to ``references [M, c]``, ``members [M, c]``.

    LiRA (Carlini et al. 2022, section V) with one variance for all candidates, as few references ask for. The
    shift of a candidate is shrunk towards the mean shift of all, by the share of its variance that is noise.
    """
    _check(signal, references)
    inside, outside = members.sum(0), (~members).sum(0)
    means = [_mean(references, members, inside), _mean(references, ~members, outside)]
    centres = np.where(members, means[0], means[1])
    both = (inside > 0) & (outside > 0)
    spread = float(((references - centres)[:, both] ** 2).sum() / max((inside + outside - 2)[both].sum(), 1))
    spread = max(spread, 1e-12)
    shift = _shrunk(means[0] - means[1], spread * (1 / np.maximum(inside, 1) + 1 / np.maximum(outside, 1)), both)
    middle = np.where(both, (means[0] + means[1]) / 2, references.mean(0))
    ratio: Floats = shift * (signal - middle) / spread
    return ratio


def _shrunk(shift: Floats, noise: Floats, known: Mask) -> Floats:
    """Empirical-Bayes estimate of every candidate's shift; the mean shift where a candidate was never on one side."""
    if not known.any():  # no run shows a shift: its sign is all that is assumed
        return np.ones(len(shift))
    overall = float(shift[known].mean())
    true = max(float(shift[known].var()) - float(noise[known].mean()), 0.0)
    weight = np.where(known, true / (true + noise), 0.0)
    found: Floats = overall + weight * (np.where(known, shift, overall) - overall)
    return found


def _mean(values: Floats, chosen: Mask, count: Floats | Mask) -> Floats:
    total: Floats = np.where(chosen, values, 0.0).sum(0) / np.maximum(count, 1)
    return total


def _check(signal: Floats, references: Floats) -> None:
    if references.ndim != 2 or references.shape[1:] != signal.shape:
        raise DataError(f"references {list(references.shape)} do not fit the signal {list(signal.shape)}")
    if len(references) < MINIMUM:
        raise DataError(
            f"{len(references)} reference runs: the echo is calibrated by at least {MINIMUM}; raise the shadow budget"
        )
