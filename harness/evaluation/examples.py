"""Originals beside reconstructions for people to look at: only of texts that were made up and may be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.scenario.secrets import Secret, TextSecret

__all__ = ["MOST", "SHOWABLE", "evidence"]

SHOWABLE = frozenset({"pii"})
"""Data sets whose texts may stand in results: generated ones, about nobody."""

MOST = 3
"""Records kept of one cell."""


def evidence(secret: Secret, guess: Mapping[str, Any], data_id: str) -> list[dict[str, Any]]:
    """The first records of a text secret as lists of token texts: ``record``, ``original``, ``recovered``.

    Empty for other secrets, and for data (``name:hash``) that may not be shown.
    """
    if not isinstance(secret, TextSecret) or data_id.partition(":")[0] not in SHOWABLE:
        return []
    return [
        {"record": record, "original": _tokens(secret, truth), "recovered": _tokens(secret, guess.get(record, ()))}
        for record, truth in list(secret.tokens.items())[:MOST]
    ]


def _tokens(secret: TextSecret, ids: Sequence[int]) -> list[str]:
    return [str(secret.decode([token])) for token in ids]
