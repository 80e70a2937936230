"""Peak resident memory of this process, resettable where the operating system allows it (Linux)."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

__all__ = ["peak_bytes", "reset_peak"]


def reset_peak() -> None:
    """Start a new peak; without ``/proc`` the peak is that of the whole process so far."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Peak resident bytes since the last reset, or the present ones where no peak is kept."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return int(psutil.Process().memory_info().rss)
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
