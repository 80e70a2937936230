"""The board of the shipped records, built beforehand: a fresh clone opens it in a moment instead of computing it.

The file stands beside the records with the hash of what it was made from: their bytes, and the source that makes
numbers of them. Where either has changed, it is not used and the board is built from the records.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import StoreError
from harness.plugins import registry
from harness.store import atomic
from leaderboard.queries import Board
from leaderboard.schema import SCHEMA_VERSION

__all__ = ["NAME", "digest", "ship", "ship_results", "unpack"]

NAME = "board.duckdb.gz"
"""File beside the shipped records."""
_KEY = "shipped"
"""Row of ``meta`` with the hash of what the board was made from."""

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = (
    "harness/assessment/**/*.py",
    "harness/metrics/**/*.py",
    "harness/score/**/*.py",
    "leaderboard/build/*.py",
    "leaderboard/ranks/*.py",
    "leaderboard/records/*.py",
    "leaderboard/schema/*.py",
    "scenarios/suites/*.toml",
)
"""Code and suites that numbers depend on; of the submissions their hashes count, which say what is stale."""


def digest(results: Path) -> str:
    """Hash of the records' bytes, of the code that makes numbers of them, and of the submissions that are here."""
    total = hashlib.sha256(str(SCHEMA_VERSION).encode())
    for name, content in _parts(results):
        total.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def _parts(results: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(results.rglob("*.jsonl.gz")):
        yield file.relative_to(results).as_posix(), file.read_bytes()
    for pattern in _SOURCES:
        for file in sorted(_ROOT.glob(pattern)):
            yield file.relative_to(_ROOT).as_posix(), file.read_bytes()
    for name, folder in sorted(registry.submissions().items()):
        for file in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".toml")):
            yield f"{name}/{file.relative_to(folder).as_posix()}", file.read_bytes()


def ship_results(paths: Sequence[Path] | None) -> list[Path]:
    """The one folder that a shipped board is made from: that of the shipped results.

    Raises:
        StoreError: there is no such folder, or other paths were asked for.
    """
    results = registry.results()
    if paths or results is None:
        raise StoreError("the shipped board is made from the folder `results` alone: name no paths, and call it there")
    return [results]


def ship(board: Path, results: Path) -> Path:
    """Write the board, which was built from ``results`` alone, beside them; returns the file."""
    import duckdb

    target = results / NAME
    fresh = target.with_name(f"{atomic.TEMPORARY}{os.getpid()}-{NAME}")
    copy = fresh.with_suffix(".duckdb")
    try:
        copy.write_bytes(board.read_bytes())
        with duckdb.connect(str(copy)) as connection:
            connection.execute("DELETE FROM meta WHERE name IN (?, 'sources')", [_KEY])
            connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", [_KEY, digest(results)])
            connection.execute("CHECKPOINT")
        fresh.write_bytes(gzip.compress(copy.read_bytes(), 9, mtime=0))
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
        copy.unlink(missing_ok=True)
    return target


def unpack(results: Path, target: Path, mark: str) -> str:
    """Put the shipped board of ``results`` in its place at ``target`` for sources of fingerprint ``mark``.

    Returns the reason where it cannot be used, and empty text where it is in place.
    """
    import duckdb

    file = results / NAME
    if not file.is_file():
        return "no board is shipped with these records"
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{atomic.TEMPORARY}{os.getpid()}-{target.name}")
    try:
        fresh.write_bytes(gzip.decompress(file.read_bytes()))
        if Board(fresh).meta().get(_KEY) != digest(results):
            return "the shipped board was made from other records, or by other code"
        with duckdb.connect(str(fresh)) as connection:
            connection.execute("INSERT INTO meta (name, value) VALUES ('sources', ?)", [mark])
            connection.execute("CHECKPOINT")
        os.replace(fresh, target)
    except (OSError, EOFError, duckdb.Error, StoreError) as error:
        return f"the shipped board cannot be read ({error})"
    finally:
        fresh.unlink(missing_ok=True)
    return ""
