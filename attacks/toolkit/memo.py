"""Results kept by the identity of the object that they were made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Memo"]

T = TypeVar("T")


class Memo:
    """Results by the identity of what they were made from: shadow runs are seen once for every target."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[object, Any]] = {}

    def of(self, thing: object, make: Callable[[], T]) -> T:
        """``make()``, or what it gave the last time for the very same object."""
        if id(thing) not in self._kept:
            self._kept[id(thing)] = thing, make()
        value: T = self._kept[id(thing)][1]
        return value
