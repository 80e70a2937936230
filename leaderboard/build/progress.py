"""Progress of a build: entries done of all, and an estimate of what is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

__all__ = ["Say", "printed"]

Say = Callable[[int, int, str], None]
"""Called with the number of entries done, that of all, and the name of the last one."""


def printed(stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> Say:
    """A :data:`Say` that writes a line: over itself on a terminal, otherwise one each quarter of the way."""
    out, began, shown = stream or sys.stderr, clock(), [-1]

    def say(done: int, total: int, name: str) -> None:
        left = (clock() - began) / done * (total - done) if done else 0.0
        estimate = f", about {left:.0f} s left" if done and done < total else ""
        line = f"leakboard: building the board: {done} of {total} entries{estimate}"
        if out.isatty():
            out.write(f"\r{line} ({name})".ljust(79)[:79] + ("\n" if done == total else ""))
        elif total and (quarter := 4 * done // total) > shown[0]:
            shown[0] = quarter
            out.write(f"{line}\n")
        out.flush()

    return say
