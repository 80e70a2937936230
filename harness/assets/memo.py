"""A small disk memo for public, deterministic side results, keyed by their inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["memo"]


def memo(name: str, inputs: Any, compute: Callable[[], Any]) -> Any:
    """``compute()`` (JSON-like), remembered under ``name`` and ``inputs`` (JSON-like) in the cache folder.

    Only for values that follow from public inputs alone; nothing about a submission is kept here.
    """
    from harness.assets import cache_root
    from harness.assets.cache import write_text
    from harness.store.schema import RESULTS_VERSION
    from harness.util.keys import key

    path = cache_root() / "memo" / name / f"{key(name, inputs, RESULTS_VERSION)}.json"
    if path.exists():
        return json.loads(path.read_text())
    value = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(value))
    return value
