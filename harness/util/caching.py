"""A cache for expensive values, shared by threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from threading import Lock, RLock
from typing import Any, ParamSpec, TypeVar

__all__ = ["single_flight"]

P = ParamSpec("P")
T = TypeVar("T")


def single_flight(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """``functools.lru_cache(maxsize)`` whose callers wait for each other: what two threads ask for at the same time
    is made once. Arguments must be hashable; different arguments do not wait for each other.
    """

    def decorate(make: Callable[P, T]) -> Callable[P, T]:
        cached: Any = lru_cache(maxsize=maxsize)(make)
        guard, locks = Lock(), dict[int, RLock]()

        @wraps(make)
        def get(*args: P.args, **kwargs: P.kwargs) -> T:
            with guard:
                # By hash: the lock must not keep arguments alive that the cache has let go.
                lock = locks.setdefault(hash((args, tuple(sorted(kwargs.items())))), RLock())
            with lock:
                value: T = cached(*args, **kwargs)
                return value

        return get

    return decorate
