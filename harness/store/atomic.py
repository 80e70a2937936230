"""Writing so that a file or folder is there whole or not at all, whatever kills the process or the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["TEMPORARY", "sweep", "write_file", "write_folder"]

TEMPORARY = ".tmp-"
"""Names that begin with this belong to unfinished writes."""


def write_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``, replacing what is there: temporary file, flush to disk, rename, flush the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    _write(unfinished, content)
    os.replace(unfinished, path)
    _flush(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Put a new folder with ``files`` at ``path``; a folder that is there already stays as it is."""
    if path.is_dir():
        return
    unfinished = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    shutil.rmtree(unfinished, ignore_errors=True)  # of an earlier process with this number
    unfinished.mkdir(parents=True)
    for name, content in files.items():
        _write(unfinished / name, content)
    _flush(unfinished)
    os.rename(unfinished, path)
    _flush(path.parent)


def sweep(folder: Path) -> int:
    """Delete what unfinished writes left directly in ``folder``; returns how many there were."""
    left = list(folder.glob(f"{TEMPORARY}*"))
    for entry in left:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return len(left)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
