"""Attacks on released synthetic texts."""

from __future__ import annotations

__all__ = ["ATTACKS"]

_HERE = "attacks.synthetic_text"

ATTACKS: dict[str, str] = {
    "canary_echo": f"{_HERE}.canary_echo:CanaryEcho",
    "echo_exposure": f"{_HERE}.echo_exposure:EchoExposure",
    "rare_disclosure": f"{_HERE}.disclosure:RareDisclosure",
    "pii_echo": f"{_HERE}.disclosure:PiiEcho",
}
"""Attack name -> ``module:class``."""
