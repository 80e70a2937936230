"""Names of suites as rows stand under them: a sealed salt draws other texts, so its rows have a suite of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["plain_suite", "seal_of", "under_seal"]

_SHOWN = 8
"""Digits of a seal's hash that labels show."""


def seal_of(entitlement: Mapping[str, Any]) -> str | None:
    """The commitment of the salt that a run was drawn with, as its record says; None for the public salt, empty where
    the salt was another one and no seal is named."""
    return str(entitlement.get("seal", "")) if entitlement.get("salt", "public") != "public" else None


def under_seal(suite: str, seal: str | None, state: str = "seal") -> str:
    """``name@version`` for the public salt, else with the seal behind it: ``name@version seal 1a2b3c4d``.

    Numbers compare within one label only. ``state`` is a word in place of ``seal``.
    """
    return suite if seal is None or suite != plain_suite(suite) else f"{suite} {state} {seal[:_SHOWN] or 'unknown'}"


def plain_suite(label: str) -> str:
    """``name@version`` of a label."""
    return label.partition(" ")[0]
