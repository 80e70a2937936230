"""Giving up rights, between the birth of a worker and the first line of a submission, without a way back.

Both levels of the sandbox do the same here. Whatever fails ends the worker: it never serves half confined.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.runtime.landlock import restrict_files
from harness.runtime.seccomp import architecture, restrict_calls

__all__ = ["Confinement", "confine"]

_WRITABLE = ("/dev/null",)


@dataclass(frozen=True)
class Confinement:
    """The limits of one worker, and the files that it alone may read."""

    readable: tuple[str, ...]
    """Files, and folders with all that is in them."""
    memory: int
    """Bytes of address space."""
    threads: int
    """Threads of its user; more cannot be started."""
    users: tuple[int, ...] = ()
    """User and group ids to become, the first that this machine has; empty: stay who it is."""

    def plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Confinement:
        """From :meth:`plain`."""
        return cls(tuple(fields["readable"]), int(fields["memory"]), int(fields["threads"]), tuple(fields["users"]))


def confine(limits: Confinement, connection: int, readable: Collection[str]) -> None:
    """Confine this process, which has one thread, and keep the descriptor ``connection`` alone.

    ``readable``: what it may read beside its own files.

    Raises:
        OSError: the kernel refused one of the steps.
    """
    kind = architecture()
    if kind is None:
        raise OSError("the system calls of this machine are not known")
    _close_all_but(connection)
    with contextlib.suppress(OSError):
        os.setsid()  # refused to what leads a session already
    with contextlib.suppress(OSError):
        # Where memory runs out, workers go first.
        Path("/proc/self/oom_score_adj").write_text("1000")
    for name, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_NPROC, limits.threads),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        hard = resource.getrlimit(name)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(name, (allowed, allowed))
    _become(limits.users)
    _drop_capabilities()
    os.chdir("/")
    restrict_files((*readable, *limits.readable, "/proc/self"), _WRITABLE)
    restrict_calls(kind)


def _close_all_but(connection: int) -> None:
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(quiet, standard)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != connection:
            with contextlib.suppress(OSError):  # the one by which the list was read
                os.close(int(name))


def _become(users: tuple[int, ...]) -> None:
    for number, user in enumerate(users):
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            return
        except OSError:
            if number + 1 == len(users):
                raise


def _drop_capabilities() -> None:
    """Privileges of a user 0 that stays one."""
    libc = ctypes.CDLL(None, use_errno=True)
    version_3, this_process = 0x20080522, 0
    header = (ctypes.c_uint32 * 2)(version_3, this_process)
    if libc.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "the kernel refused to drop capabilities")
