"""Attacks that read a party's class proportions off its answers on public texts, and the floor of such guesses."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.label_distribution"

ATTACKS: dict[str, str] = {
    "mean_softmax": f"{_HERE}.simple:MeanSoftmax",
    "argmax_histogram": f"{_HERE}.simple:ArgmaxHistogram",
    "prior_fit": f"{_HERE}.fitted:PriorFit",
    "black_box_shift": f"{_HERE}.fitted:BlackBoxShift",
    "logit_shares": f"{_HERE}.fitted:LogitShares",
    "logit_presence": f"{_HERE}.fitted:LogitPresence",
    "sent_counts": f"{_HERE}.sent:SentCounts",
    "blind_candidates": f"{_HERE}.blind:BlindCandidates",
}
"""Attack name -> ``module:class``."""
