"""Attacks that tell an attribute of a record, or a property of a party's whole dataset."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.property_inference"

ATTACKS: dict[str, str] = {
    "attribute_probe": f"{_HERE}.attribute_probe:AttributeProbe",
    "blind_attribute": f"{_HERE}.blind_attribute:BlindAttribute",
    "blind_property": f"{_HERE}.blind_property:BlindProperty",
    "property_logits": f"{_HERE}.property_logits:PropertyLogits",
    "property_prototypes": f"{_HERE}.property_prototypes:PropertyPrototypes",
    "prototype_property": f"{_HERE}.prototype_property:PrototypeProperty",
}
"""Attack name -> ``module:class``."""
