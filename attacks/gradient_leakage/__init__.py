"""Attacks that read the texts and labels of batches out of gradients and updates."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.gradient_leakage"

ATTACKS: dict[str, str] = {
    "blind_bag": f"{_HERE}.blind_bag:BlindBag",
    "blind_batch": f"{_HERE}.blind_batch:BlindBatch",
    "gradient_imprint": f"{_HERE}.gradient_imprint:GradientImprint",
    "gradient_labels": f"{_HERE}.gradient_labels:GradientLabels",
    "gradient_peeling": f"{_HERE}.gradient_peeling:GradientPeeling",
    "gradient_readout": f"{_HERE}.gradient_readout:GradientReadout",
    "gradient_span": f"{_HERE}.gradient_span:GradientSpan",
    "gradient_subspace": f"{_HERE}.gradient_subspace:GradientSubspace",
}
"""Attack name -> ``module:class``."""
