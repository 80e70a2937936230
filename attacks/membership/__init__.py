"""Attacks that tell whether a record was in a party's training data, from the logits that the party shares."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.membership"

ATTACKS: dict[str, str] = {
    "logit_loss": f"{_HERE}.threshold:LogitLoss",
    "surrogate_loss": f"{_HERE}.threshold:SurrogateLoss",
    "cooperative_lira": f"{_HERE}.peers:CooperativeLira",
    "distilled_lira": f"{_HERE}.peers:DistilledLira",
    "shadow_lira": f"{_HERE}.calibrated:ShadowLira",
    "offline_lira": f"{_HERE}.calibrated:OfflineLira",
    "surrogate_lira": f"{_HERE}.calibrated:SurrogateLira",
    "label_only": f"{_HERE}.calibrated:LabelOnly",
    "rmia": f"{_HERE}.relative:Rmia",
    "offline_rmia": f"{_HERE}.relative:OfflineRmia",
    "parameter_loss": f"{_HERE}.uploaded:ParameterLoss",
    "parameter_gain": f"{_HERE}.uploaded:ParameterGain",
    "parameter_lira": f"{_HERE}.uploaded:ParameterLira",
    "blind_membership": f"{_HERE}.threshold:BlindMembership",
}
"""Attack name -> ``module:class``."""
