"""Attacks that tell whether a record was in a party's training data."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.membership_inference"

ATTACKS: dict[str, str] = {
    "blind_membership": f"{_HERE}.blind_membership:BlindMembership",
    "blind_membership_words": f"{_HERE}.blind_membership_words:BlindMembershipWords",
    "canary_echo": f"{_HERE}.canary_echo:CanaryEcho",
    "cooperative_lira": f"{_HERE}.cooperative_lira:CooperativeLira",
    "distilled_lira": f"{_HERE}.distilled_lira:DistilledLira",
    "generator_lira": f"{_HERE}.generator_lira:GeneratorLira",
    "global_gain": f"{_HERE}.global_gain:GlobalGain",
    "global_lira": f"{_HERE}.global_lira:GlobalLira",
    "global_loss": f"{_HERE}.global_loss:GlobalLoss",
    "gradient_alignment": f"{_HERE}.gradient_alignment:GradientAlignment",
    "gradient_residual": f"{_HERE}.gradient_residual:GradientResidual",
    "label_only": f"{_HERE}.label_only:LabelOnly",
    "logit_loss": f"{_HERE}.logit_loss:LogitLoss",
    "mean_release": f"{_HERE}.mean_release:MeanRelease",
    "offline_lira": f"{_HERE}.offline_lira:OfflineLira",
    "offline_rmia": f"{_HERE}.offline_rmia:OfflineRmia",
    "parameter_gain": f"{_HERE}.parameter_gain:ParameterGain",
    "parameter_lira": f"{_HERE}.parameter_lira:ParameterLira",
    "parameter_loss": f"{_HERE}.parameter_loss:ParameterLoss",
    "prototype_cosine": f"{_HERE}.prototype_cosine:PrototypeCosine",
    "rmia": f"{_HERE}.rmia:Rmia",
    "shadow_lira": f"{_HERE}.shadow_lira:ShadowLira",
    "surrogate_lira": f"{_HERE}.surrogate_lira:SurrogateLira",
    "surrogate_loss": f"{_HERE}.surrogate_loss:SurrogateLoss",
    "top_voted": f"{_HERE}.top_voted:TopVoted",
    "vote_probe": f"{_HERE}.vote_probe:VoteProbe",
    "vote_ratio": f"{_HERE}.vote_ratio:VoteRatio",
    "vote_ratio_exact": f"{_HERE}.vote_ratio_exact:ExactVoteRatio",
}
"""Attack name -> ``module:class``."""
