"""The cache of fetched and converted files, which are checked once and trusted until they change."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cache_root", "file_sha256", "fresh_folder", "publish", "trusted_sha256", "write_text"]


def cache_root() -> Path:
    """The cache folder: $LEAKBOARD_CACHE, or the user's cache folder of this platform."""
    named = os.environ.get("LEAKBOARD_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("leakboard"))


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def trusted_sha256(path: Path) -> str:
    """As ``file_sha256``, computed once per file version.

    The result is remembered in the cache under the file's absolute path, size and modification time; a file for which
    any of these differs is hashed again.
    """
    stat = path.stat()
    key = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]
    marker = cache_root() / "hashes" / f"{key}.json"
    seen = [stat.st_size, stat.st_mtime_ns]
    known = _read_marker(marker)
    if known.get("seen") == seen:
        return str(known["sha256"])
    digest = file_sha256(path)
    write_text(marker, json.dumps({"path": str(path.absolute()), "seen": seen, "sha256": digest}))
    return digest


def _read_marker(marker: Path) -> dict[str, object]:
    try:
        known = json.loads(marker.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return known if isinstance(known, dict) and isinstance(known.get("sha256"), str) else {}


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside the target first, then renamed onto it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def fresh_folder(near: Path) -> Iterator[Path]:
    """An empty folder of this process beside ``near``, on the same file system; removed afterwards."""
    folder = near.parent / f".{near.name}.{uuid.uuid4().hex[:8]}.tmp"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, target: Path) -> None:
    """Rename a finished folder to its final name; where another process was first, its equal folder stays."""
    try:
        os.rename(folder, target)
    except OSError:
        if not target.is_dir():
            raise
