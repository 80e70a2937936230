"""Attacks that read labels: of training records out of gradients; classes, shares and topics of a party out of what it
shares."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.label_inference"

ATTACKS: dict[str, str] = {
    "argmax_histogram": f"{_HERE}.argmax_histogram:ArgmaxHistogram",
    "batch_inversion": f"{_HERE}.batch_inversion:BatchInversion",
    "black_box_shift": f"{_HERE}.black_box_shift:BlackBoxShift",
    "blind_candidates": f"{_HERE}.blind_candidates:BlindCandidates",
    "blind_classes": f"{_HERE}.blind_classes:BlindClasses",
    "blind_counts": f"{_HERE}.blind_counts:BlindCounts",
    "blind_features": f"{_HERE}.blind_features:BlindFeatures",
    "blind_labels": f"{_HERE}.blind_labels:BlindLabels",
    "blind_topics": f"{_HERE}.blind_topics:BlindTopics",
    "gradient_clusters": f"{_HERE}.gradient_clusters:GradientClusters",
    "gradient_direction": f"{_HERE}.gradient_direction:GradientDirection",
    "gradient_discriminant": f"{_HERE}.gradient_discriminant:GradientDiscriminant",
    "gradient_norm": f"{_HERE}.gradient_norm:GradientNorm",
    "gradient_spectral": f"{_HERE}.gradient_spectral:GradientSpectral",
    "gradient_with_states": f"{_HERE}.gradient_with_states:GradientWithStates",
    "logit_gradient_sign": f"{_HERE}.logit_gradient_sign:LogitGradientSign",
    "logit_presence": f"{_HERE}.logit_presence:LogitPresence",
    "logit_shares": f"{_HERE}.logit_shares:LogitShares",
    "mean_softmax": f"{_HERE}.mean_softmax:MeanSoftmax",
    "model_completion": f"{_HERE}.model_completion:ModelCompletion",
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
