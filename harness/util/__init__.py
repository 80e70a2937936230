"""Seeds, keys, arrays, caching and the present process: what every floor above may need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.util.arrays import Floats, Ints, Mask
    from harness.util.caching import single_flight
    from harness.util.keys import canonical, key, source_hash, tree_hash
    from harness.util.process import keep_memory, peak_bytes, pin_threads, reset_peak
    from harness.util.seeds import Axis, derive, numpy_generator, torch_generator

__all__ = [
    "Axis",
    "Floats",
    "Ints",
    "Mask",
    "canonical",
    "derive",
    "keep_memory",
    "key",
    "numpy_generator",
    "peak_bytes",
    "pin_threads",
    "reset_peak",
    "single_flight",
    "source_hash",
    "torch_generator",
    "tree_hash",
]

_ROOMS = {
    "harness.util.arrays": "Floats Ints Mask",
    "harness.util.caching": "single_flight",
    "harness.util.keys": "canonical key source_hash tree_hash",
    "harness.util.process": "keep_memory peak_bytes pin_threads reset_peak",
    "harness.util.seeds": "Axis derive numpy_generator torch_generator",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
