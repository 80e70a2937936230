"""Attacks that read classes, their counts and shares, and topics of a party out of what it shares."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.label_inference"

ATTACKS: dict[str, str] = {
    "argmax_histogram": f"{_HERE}.argmax_histogram:ArgmaxHistogram",
    "black_box_shift": f"{_HERE}.black_box_shift:BlackBoxShift",
    "blind_candidates": f"{_HERE}.blind_candidates:BlindCandidates",
    "blind_classes": f"{_HERE}.blind_classes:BlindClasses",
    "blind_counts": f"{_HERE}.blind_counts:BlindCounts",
    "blind_topics": f"{_HERE}.blind_topics:BlindTopics",
    "logit_presence": f"{_HERE}.logit_presence:LogitPresence",
    "logit_shares": f"{_HERE}.logit_shares:LogitShares",
    "mean_softmax": f"{_HERE}.mean_softmax:MeanSoftmax",
    "prior_fit": f"{_HERE}.prior_fit:PriorFit",
    "prototype_counts": f"{_HERE}.prototype_counts:PrototypeCounts",
    "prototype_counts_distance": f"{_HERE}.prototype_counts_distance:DistanceCounts",
    "prototype_counts_variance": f"{_HERE}.prototype_counts_variance:VarianceCounts",
    "prototype_presence": f"{_HERE}.prototype_presence:PrototypePresence",
    "prototype_shares": f"{_HERE}.prototype_shares:PrototypeShares",
    "sent_counts": f"{_HERE}.sent_counts:SentCounts",
    "vote_shares": f"{_HERE}.vote_shares:VoteShares",
    "vote_topics": f"{_HERE}.vote_topics:VoteTopics",
}
"""Attack name -> ``module:class``."""
