"""Membership scores from a signal on the released texts and the same signal on reference runs.

Reference runs draw every candidate into their training data with probability one half. A record that is common, or
easy, has a high signal everywhere; calibration takes that out.
"""

from __future__ import annotations

import numpy as np

from attacks.membership.lira import online
from attacks.membership.rmia import rmia
from attacks.membership.shadows import fit_gaussians, shrink_shifts
from harness.attack import DataError, Floats, Mask

__all__ = ["MINIMUM", "likelihood_calibrated", "ratio_calibrated"]

MINIMUM = 4
"""Reference runs from which on a calibration is reported."""


def ratio_calibrated(signal: Floats, references: Floats, *, gamma: float = 1.0) -> Floats:
    """Score ``[c]`` of ``signal [c]`` (log scale) against ``references [M, c]``: the share of candidates it dominates.

    The relative attack with the candidates themselves as the population, as released texts allow no other: the
    ratio of the signal to its mean over references, compared with everyone else's ratio.
    """
    from scipy.special import logsumexp

    _check(signal, references)
    ratio = np.exp(signal - (logsumexp(references, axis=0) - np.log(len(references))))
    return rmia(ratio, ratio, gamma)


def likelihood_calibrated(signal: Floats, references: Floats, members: Mask) -> Floats:
    """Log-likelihood ratio ``[c]`` of in against out: Gaussians fitted to ``references [M, c]``, ``members [M, c]``.

    One variance for all candidates and shrunken shifts, as few references ask for.
    """
    _check(signal, references)
    return online(signal, shrink_shifts(fit_gaussians(references, members, fixed_variance=True)))


def _check(signal: Floats, references: Floats) -> None:
    if references.ndim != 2 or references.shape[1:] != signal.shape:
        raise DataError(f"references {list(references.shape)} do not fit the signal {list(signal.shape)}")
    if len(references) < MINIMUM:
        raise DataError(
            f"{len(references)} reference runs: the echo is calibrated by at least {MINIMUM}; raise the shadow budget"
        )
