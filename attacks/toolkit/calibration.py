"""Calibration of membership scores by the same scores in reference runs.

Reference runs draw every candidate into their training data with probability one half. A record that is common, or
easy, has a high signal everywhere; calibration takes that out.
"""

from __future__ import annotations

import numpy as np

from attacks.toolkit.gaussians import fit_gaussians, shrink_shifts
from attacks.toolkit.lira import online
from attacks.toolkit.rmia import rmia
from harness.attack import DataError, Floats, Mask, auc

__all__ = ["CALIBRATING", "MINIMUM", "calibrated", "likelihood_calibrated", "ratio_calibrated"]

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


CALIBRATING = 4
"""Shadow runs from which on scores are also calibrated per candidate."""


def calibrated(live: Floats, shadows: Floats, members: Mask) -> Floats:
    """``live [m]`` raw or calibrated on ``shadows [S, m]``, whichever ranks the shadows themselves better.

    Each shadow is judged against the others. Ratios are compressed first: those of small classes are huge. nan
    (class not sent) stays nan.
    """
    compressed = _compressed(shadows)
    raw, tuned = [], []
    for run in range(len(shadows)):
        others = np.arange(len(shadows)) != run
        if members[run].all() or not members[run].any() or not _mixed(members[others]):
            continue
        raw.append(auc(compressed[run], members[run]))
        tuned.append(auc(_online(compressed[run], compressed[others], members[others]), members[run]))
    if not raw or np.mean(tuned) <= np.mean(raw) or not _mixed(members):
        return live
    scores: Floats = np.where(np.isnan(live), np.nan, _online(_compressed(live), compressed, members))
    return scores


def _compressed(ratios: Floats) -> Floats:
    compressed: Floats = np.arcsinh(np.nan_to_num(ratios))
    return compressed


def _online(target: Floats, shadows: Floats, members: Mask) -> Floats:
    return online(target, shrink_shifts(fit_gaussians(shadows, members)))


def _mixed(members: Mask) -> bool:
    return bool((members.any(0) & ~members.all(0)).any())
