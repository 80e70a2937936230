"""Attacks that read text out of hidden states, pooled embeddings and prototypes."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.embedding_inversion"

ATTACKS: dict[str, str] = {
    "blind_tokens": f"{_HERE}.blind_tokens:BlindTokens",
    "blind_words": f"{_HERE}.blind_words:BlindWords",
    "gru_inverter": f"{_HERE}.gru_inverter:GruInverter",
    "nearest_token": f"{_HERE}.nearest_token:NearestToken",
    "prototype_decoder": f"{_HERE}.prototype_decoder:PrototypeDecoder",
    "prototype_decomposition": f"{_HERE}.prototype_decomposition:PrototypeDecomposition",
    "prototype_inversion": f"{_HERE}.prototype_inversion:PrototypeInversion",
    "prototype_nearest": f"{_HERE}.prototype_nearest:PrototypeNearest",
    "relaxed_optimisation": f"{_HERE}.relaxed_optimisation:RelaxedOptimisation",
    "ridge_inverter": f"{_HERE}.ridge_inverter:RidgeInverter",
    "vocabulary_matching": f"{_HERE}.vocabulary_matching:VocabularyMatching",
}
"""Attack name -> ``module:class``."""
