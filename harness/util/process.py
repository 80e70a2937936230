"""Peak resident memory of this process, resettable where the operating system allows it (Linux)."""

from __future__ import annotations

import contextlib
import os
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


def keep_memory() -> None:
    """Let freed memory stay with this process (glibc only): handing tensors' pages back and forth costs time."""
    import ctypes

    trim_threshold, mmap_threshold = -1, -3  # names of mallopt(3)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(mmap_threshold, 32 << 20)
        mallopt(trim_threshold, 1 << 30)


def pin_threads(number: int) -> None:
    """Compute with exactly ``number`` threads from now on: sums in another order are other sums.

    Of torch, and of the linear algebra under numpy, scipy and scikit-learn, loaded already or later.
    """
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(number)
    threadpool_limits(number)
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(number)))
