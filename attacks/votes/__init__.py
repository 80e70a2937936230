"""Attacks on histograms of votes that private records cast for synthetic texts."""

from __future__ import annotations

__all__ = ["ATTACKS"]

ATTACKS: dict[str, str] = {}
"""Attack name -> ``module:class``."""
