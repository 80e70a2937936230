"""Attacks on shared class prototypes: means of a class's embeddings."""

from __future__ import annotations

__all__ = ["ATTACKS"]

ATTACKS: dict[str, str] = {}
"""Attack name -> ``module:class``."""
