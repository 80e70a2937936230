"""Attacks on shared class prototypes: means of a class's embeddings."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.prototype"

ATTACKS: dict[str, str] = {
    "mean_release": f"{_HERE}.mean_release:MeanRelease",
    "prototype_cosine": f"{_HERE}.mean_release:PrototypeCosine",
    "prototype_counts": f"{_HERE}.class_counts:PrototypeCounts",
    "prototype_counts_distance": f"{_HERE}.class_counts:DistanceCounts",
    "prototype_counts_variance": f"{_HERE}.class_counts:VarianceCounts",
    "prototype_shares": f"{_HERE}.class_counts:PrototypeShares",
    "prototype_presence": f"{_HERE}.class_presence:PrototypePresence",
    "prototype_inversion": f"{_HERE}.inversion:PrototypeInversion",
    "prototype_nearest": f"{_HERE}.inversion:PrototypeNearest",
    "prototype_decomposition": f"{_HERE}.decomposed:PrototypeDecomposition",
    "prototype_decoder": f"{_HERE}.decoded:PrototypeDecoder",
    "prototype_property": f"{_HERE}.party_property:PrototypeProperty",
    "blind_classes": f"{_HERE}.class_presence:BlindClasses",
    "blind_words": f"{_HERE}.blind_words:BlindWords",
    "blind_counts": f"{_HERE}.blind_counts:BlindCounts",
}
"""Attack name -> ``module:class``."""
