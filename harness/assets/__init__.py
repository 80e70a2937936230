"""Embedded models and text packages: where they are, fetching, conversion, and their state for ``leakboard doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.assets.cache import cache_root
from harness.assets.convert import MODELS, check_model, ensure_model, model_path
from harness.assets.wheels import WHEELS, Progress, Wheel, check, wheel, wheel_path

__all__ = [
    "MODELS",
    "WHEELS",
    "AssetState",
    "Progress",
    "Wheel",
    "cache_root",
    "cached",
    "ensure_model",
    "wheel",
]


@dataclass(frozen=True)
class AssetState:
    """One asset as it is on disk; ``problem`` says what is wrong where ``ok`` is False, also that it is absent."""

    name: str
    path: Path
    present: bool
    ok: bool
    problem: str = ""


def cached() -> list[AssetState]:
    """The state of every pinned wheel and embedded model, without fetching or converting anything."""
    states = []
    for name, pinned in WHEELS.items():
        path = wheel_path(name)
        states.append(_state(f"wheel {name}", path, (check(path, pinned) or "") if path.exists() else None))
    for name in MODELS:
        path = model_path(name)
        states.append(_state(f"model {name}", path, "; ".join(check_model(path)) if path.exists() else None))
    return states


def _state(name: str, path: Path, problem: str | None) -> AssetState:
    if problem is None:
        return AssetState(name, path, present=False, ok=False, problem="not fetched yet")
    return AssetState(name, path, present=True, ok=not problem, problem=problem)
