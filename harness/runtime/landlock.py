"""Landlock (Linux 5.13 and newer): the files that a process may read from now on; it may write none.

Source: the kernel's documentation, userspace-api/landlock.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterable

__all__ = ["landlock_version", "restrict_files"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every processor
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Version -> number of rights about files; all of them are taken away."""
_READ_FILE, _READ_FOLDER, _WRITE_FILE, _TRUNCATE = 1 << 2, 1 << 3, 1 << 1, 1 << 14
_NETWORK = 0b11  # bind and connect, from version 4
_SCOPES = 0b11  # abstract sockets and signals, from version 6
_NO_NEW_PRIVILEGES = 38


def landlock_version() -> int:
    """Version of the kernel's Landlock; 0 where it is missing or switched off."""
    if platform.system() != "Linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE, None, 0, 1)))


def restrict_files(readable: Iterable[str], writable: Iterable[str] = ()) -> None:
    """Allow this process and its threads to read what lies in ``readable`` and nothing else, for good.

    Args:
        readable: files, or folders with all that is in them; what does not exist is left out.
        writable: single files, such as ``/dev/null``, that may be written to as well.

    Raises:
        OSError: the kernel refused.
    """
    libc, version = _libc(), landlock_version()
    rights = (1 << _RIGHTS[min(version, max(_RIGHTS))]) - 1 if version else 0
    fields = struct.pack("QQQ", rights, _NETWORK if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    rules = libc.syscall(_CREATE, fields, 8 if version < 4 else 16 if version < 6 else 24, 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "the kernel refused a Landlock ruleset")
    try:
        for path in readable:
            _allow(libc, rules, path, _READ_FILE | _READ_FOLDER)
        for path in writable:
            _allow(libc, rules, path, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & rights)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if libc.syscall(_RESTRICT, rules, 0):
            raise OSError(ctypes.get_errno(), "the kernel refused to restrict files")
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        here = rights if os.path.isdir(path) else rights & ~_READ_FOLDER
        if libc.syscall(_ADD, rules, 1, struct.pack("=Qi", here, place), 0):
            raise OSError(ctypes.get_errno(), f"the kernel refused a rule about {path}")
    finally:
        os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
