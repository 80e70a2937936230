"""Prototype sharing on a tiny random encoder and made-up texts of four classes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from harness.data.record import Record, make
from harness.scenario.deployment import Deployment
from harness.scenario.toy import toy_model
from scenarios.prototype_sharing.build import assemble
from scenarios.prototype_sharing.settings import Settings

__all__ = ["CANDIDATES", "LABELS", "deployment", "pool", "settings"]

LABELS = ("bank", "friend", "garden", "travel")
CANDIDATES: dict[str, Any] = {"records": 100, "canaries": 16, "average": 24, "least": 3}
"""Settings with membership candidates."""
_SMALL: dict[str, Any] = {
    "data": "made up",
    "max_tokens": 12,
    "rank": 2,
    "rounds": 2,
    "clients": 4,
    "alpha": 0.5,
    "least": 3,
    "records": 60,
    "auxiliary": 80,
    "public": 8,
    "test": 12,
}


@cache
def pool(size: int = 600) -> tuple[Record, ...]:
    """Distinct short texts: four classes, 25 groups."""
    return tuple(
        make(f"{LABELS[i % 4]} note {i} of {i * 7919 % 1000}", label=LABELS[i % 4], group=f"g{i % 25}")
        for i in range(size)
    )


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings of a small entry."""
    return Settings.read("small", {**_SMALL, "model": str(toy_model(folder)), **changes})


def deployment(folder: Path, seed: int = 0, **changes: Any) -> Deployment:
    """A small deployment with some settings changed."""
    return assemble(settings(folder, **changes), pool(), ("tests", seed))
