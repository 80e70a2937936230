"""Attacks that tell a property of a party's whole dataset from the logits or prototypes that it shares."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.property_inference"

ATTACKS: dict[str, str] = {
    "property_logits": f"{_HERE}.plugins:PropertyLogits",
    "property_prototypes": f"{_HERE}.plugins:PropertyPrototypes",
    "blind_property": f"{_HERE}.plugins:BlindProperty",
}
"""Attack name -> ``module:class``."""
