"""Attacks on released synthetic texts."""

from __future__ import annotations

__all__ = ["ATTACKS"]

ATTACKS: dict[str, str] = {}
"""Attack name -> ``module:class``."""
