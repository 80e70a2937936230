"""Did a record vote? The likelihood ratio of a noisy histogram, with the other votes known or estimated.

The histogram is ``H = B + v + noise`` if the record voted ``v`` and ``H = B' + noise`` if not, where B are the other
records' votes. With B known and Gaussian noise of standard deviation sigma the ratio is that of a shift by ``|v|``
(the worst case that differential privacy bounds: Dong et al. 2022, "Gaussian differential privacy"): its AUC is
``Phi(|v| / (sigma sqrt 2))``, and T independent rounds multiply ``|v|`` by ``sqrt T``. An attacker that does not know
B takes its mean and its variance from auxiliary records.

The exact background supposes an attacker that holds every other record, and no coalition does: a server sees
histograms, a curious client knows only its own records, and shadows tell counts. It is the game that bounds every
attacker: :mod:`attacks.votes.exact` plays it, informed and never ranked. All other plugins estimate the background; a
server that inserts probes comes nearest to the bound, since hardly anyone else votes for a copy of the candidate.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from harness.attack import DataError, Floats

__all__ = ["Background", "any_party", "estimated", "exact", "expected_auc", "summed_llr", "vote_llr"]

FLOOR = 1e-6
"""Least variance of a cell: a histogram without noise leaves no doubt, but finite numbers."""


@dataclass(frozen=True)
class Background:
    """Mean and variance ``[m]`` of the votes of everyone but the candidate, and what a replaced record would cast."""

    mean: Floats
    variance: Floats
    usual: Floats
    """``[m]``: expected vote of the record that the candidate stands in for; zeros where the number varies."""


def exact(others: Floats) -> Background:
    """The histogram ``[m]`` of all other records, known without error."""
    return Background(others, np.zeros(len(others)), np.zeros(len(others)))


def estimated(votes: Floats, records: int) -> Background:
    """Background of ``records`` private records, expected from ``votes [a, m]`` of auxiliary ones.

    Every cell's share and variance are smoothed with one average vote spread over all cells, so that a cell for
    which no auxiliary record votes is unlikely, not impossible. Raises DataError without auxiliary records.
    """
    if len(votes) == 0 or records < 1:
        raise DataError(f"a background of {records} records from {len(votes)} auxiliary ones: give some of both")
    mass = votes.sum(1).mean() / votes.shape[1]
    share = (votes.sum(0) + mass) / (len(votes) + 1)
    square = ((votes**2).sum(0) + mass * votes.max()) / (len(votes) + 1)
    return Background(records * share, records * np.maximum(square - share**2, 0.0), share)


def vote_llr(votes: Floats, histogram: Floats, background: Background, sigma: float) -> Floats:
    """Log-likelihood ratio ``[c]`` that each candidate's vote (row of ``votes [c, m]``) is in ``histogram [m]``.

    ``sigma`` is the standard deviation of the noise on every cell of *this* histogram: of a sum over L parties,
    ``sqrt(L)`` times a party's.

    Raises:
        DataError: shapes do not fit or ``sigma`` is negative.
    """
    if votes.ndim != 2 or histogram.shape != votes.shape[1:] or background.mean.shape != histogram.shape or sigma < 0:
        raise DataError(
            f"votes {list(votes.shape)}, histogram {list(histogram.shape)}, background {list(background.mean.shape)}, "
            f"sigma {sigma} do not fit [c, m], [m], [m], at least 0"
        )
    precision = 1 / np.maximum(background.variance + sigma**2, FLOOR)
    shift = votes - background.usual
    ratio: Floats = shift @ (precision * (histogram - background.mean)) - 0.5 * shift**2 @ precision
    return ratio


def summed_llr(
    votes: list[Floats], histograms: list[Floats], backgrounds: list[Background], sigma: float
) -> Floats:  # fmt: skip
    """Ratios ``[c]`` summed over rounds, one entry of every list each; the synthetic texts may differ."""
    rounds = zip(votes, histograms, backgrounds, strict=True)
    total: Floats = np.sum([vote_llr(v, h, b, sigma) for v, h, b in rounds], axis=0)
    return total


def any_party(ratios: Floats) -> Floats:
    """Log-likelihood ratio ``[c]`` that a record is with *one* of L equally likely parties, from ``ratios [L, c]``."""
    from scipy.special import logsumexp

    found: Floats = logsumexp(ratios, axis=0) - np.log(len(ratios))
    return found


def expected_auc(norm: float, sigma: float, rounds: int = 1) -> float:
    """``Phi(|v| sqrt(T) / (sigma sqrt 2))`` for a vote of Euclidean norm ``norm`` whose background is known."""
    from scipy.special import ndtr

    return 1.0 if sigma == 0 else float(ndtr(norm * sqrt(rounds) / (sigma * sqrt(2))))
