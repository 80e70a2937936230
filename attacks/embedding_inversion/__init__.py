"""Attacks that read text, or properties of it, out of the hidden states that a private party sends."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.embedding_inversion"

ATTACKS: dict[str, str] = {
    "vocabulary_matching": f"{_HERE}.matching:VocabularyMatching",
    "nearest_token": f"{_HERE}.nearest:NearestToken",
    "ridge_inverter": f"{_HERE}.ridge:RidgeInverter",
    "gru_inverter": f"{_HERE}.gru:GruInverter",
    "relaxed_optimisation": f"{_HERE}.relaxed:RelaxedOptimisation",
    "attribute_probe": f"{_HERE}.probe:AttributeProbe",
    "blind_tokens": f"{_HERE}.blind:BlindTokens",
    "blind_attribute": f"{_HERE}.blind:BlindAttribute",
}
"""Attack name -> ``module:class``."""
