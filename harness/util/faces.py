"""Public faces of packages: names that are imported from their rooms when they are first used.

A face that imported its rooms at once would make ``from harness.attack import Kind`` load torch and transformers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy"]


def lazy(face: str, rooms: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__``: imports a public name on first use.

    Args:
        face: name of the module, for messages.
        rooms: module -> the names that it gives to the face, separated by spaces.
    """
    homes = {name: room for room, names in rooms.items() for name in names.split()}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {face!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return get
