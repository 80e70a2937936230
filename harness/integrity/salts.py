"""The secret salt of official runs: drawn by the operating system, in a file of its owner, committed to by a hash."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

from harness.errors import SealError

__all__ = ["commitment", "draw_salt", "read_salt"]

_BYTES = 32
_SALT = re.compile(r"[0-9a-f]{64}")
_OTHERS = 0o077
"""Permissions of everybody but the owner."""


def commitment(salt: str) -> str:
    """SHA-256 that binds to a salt and, as a salt has 256 random bits, hides it.

    It is another function of the salt than the seeds (:mod:`harness.util.seeds`), so it gives none of them away.
    """
    return hashlib.sha256(f"leakboard seal 1\n{salt}".encode()).hexdigest()


def draw_salt(path: Path) -> str:
    """Draw a salt and write it to a new file that only its owner can read.

    Raises:
        SealError: there is a file already, which may be the only copy of a salt, or it cannot be written.
    """
    salt = secrets.token_hex(_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SealError(f"{path} is there already and may be the only copy of a salt; name another file") from error
    except OSError as error:
        raise SealError(f"{path} cannot be written: {error}") from error
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(f"{salt}\n")
        out.flush()
        os.fsync(out.fileno())
    return salt


def read_salt(path: Path) -> str:
    """The salt in a file.

    Raises:
        SealError: the file holds none, or others than its owner may read it.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SealError(f"{path} holds no salt: {error}") from error
    if mode & _OTHERS:
        raise SealError(
            f"{path} can be read by others than its owner: run `chmod 600 {path}`, and if they did, seal anew"
        )
    if not _SALT.fullmatch(text):
        raise SealError(f"{path} holds no salt: one is {2 * _BYTES} hexadecimal digits")
    return text
