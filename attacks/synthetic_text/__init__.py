"""Attacks on released synthetic texts, and on generators tuned on private ones."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.synthetic_text"

ATTACKS: dict[str, str] = {
    "canary_echo": f"{_HERE}.canary_echo:CanaryEcho",
    "echo_exposure": f"{_HERE}.echo_exposure:EchoExposure",
    "rare_disclosure": f"{_HERE}.disclosure:RareDisclosure",
    "nearest_record": f"{_HERE}.nearest:NearestRecord",
    "generator_exposure": f"{_HERE}.generator_attacks:GeneratorExposure",
    "generator_lira": f"{_HERE}.generator_attacks:GeneratorLira",
    "pii_echo": f"{_HERE}.disclosure:PiiEcho",
}
"""Attack name -> ``module:class``."""
