"""The cache that threads share."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

from harness.util.caching import single_flight


def test_threads_that_ask_at_the_same_time_get_one_value() -> None:
    made: list[int] = []
    inside = threading.Barrier(4)

    @single_flight(maxsize=4)
    def value(key: int) -> object:
        made.append(key)
        return object()

    def ask() -> object:
        inside.wait()
        return value(7)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ask(), range(4)))
    assert made == [7]
    assert len({id(item) for item in found}) == 1


def test_different_arguments_do_not_wait_for_each_other() -> None:
    first_is_inside, second_is_done = threading.Event(), threading.Event()

    @single_flight(maxsize=4)
    def value(key: str) -> bool:
        if key == "slow":
            first_is_inside.set()
            return second_is_done.wait(30)
        second_is_done.set()
        return True

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(value, "slow")
        assert first_is_inside.wait(30)
        assert value("quick")
        assert slow.result(30)


def test_arguments_that_the_cache_has_let_go_are_freed() -> None:
    class Thing:
        pass

    @single_flight(maxsize=1)
    def name(thing: Thing) -> str:
        return type(thing).__name__

    thing = Thing()
    gone = weakref.ref(thing)
    assert name(thing) == "Thing"
    name(Thing())
    del thing
    gc.collect()
    assert gone() is None
