"""Attacks on what synthetic texts and tuned generators give away verbatim."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.extraction"

ATTACKS: dict[str, str] = {
    "echo_exposure": f"{_HERE}.echo_exposure:EchoExposure",
    "generator_exposure": f"{_HERE}.generator_exposure:GeneratorExposure",
    "global_exposure": f"{_HERE}.global_exposure:GlobalExposure",
    "nearest_record": f"{_HERE}.nearest_record:NearestRecord",
    "pii_echo": f"{_HERE}.pii_echo:PiiEcho",
    "rare_disclosure": f"{_HERE}.rare_disclosure:RareDisclosure",
}
"""Attack name -> ``module:class``."""
