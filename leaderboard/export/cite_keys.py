"""Keys by which printed tables cite, and the bibliography defines, submissions, attacks and scenarios."""

from __future__ import annotations

import re

__all__ = ["attack_key", "safe_key"]


def safe_key(key: str) -> str:
    r"""A key without characters that end a ``\cite`` or an entry."""
    return re.sub(r"[^A-Za-z0-9:._/+-]", "-", key)


def attack_key(name: str) -> str:
    """The key of an attack's entry."""
    return safe_key(f"attack:{name}")
