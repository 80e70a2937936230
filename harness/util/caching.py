"""Caches for expensive values: one shared by threads, and one for a single value or the failure to make it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from threading import Lock, RLock
from typing import Any, ParamSpec, TypeVar

__all__ = ["once", "single_flight"]

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


def once(make: Callable[[], T]) -> Callable[[], T]:
    """``make``, called at most once: later calls get the same value, or the same exception."""
    results: list[T] = []
    errors: list[Exception] = []

    def get() -> T:
        if errors:
            raise errors[0]
        if not results:
            try:
                results.append(make())
            except Exception as error:
                errors.append(error)
                raise
        return results[0]

    return get
