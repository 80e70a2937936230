"""Opening the database file, with DuckDB's errors turned into sentences that say what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import StoreBusy, StoreError
from harness.store import tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["connect", "held", "prepare"]

_HOLDER = re.compile(r"PID (\d+)")
_REBUILD = "rebuild it from its files with `leakboard doctor --rebuild`"


def connect(path: Path, *, read_only: bool) -> DuckDBPyConnection:
    """A connection to the database file.

    Raises:
        StoreBusy: another process writes to it (or, for a writer, reads it), or this one has it open in the other mode.
        StoreError: there is no such file to read, or it is no database.
    """
    import duckdb

    if read_only and not path.is_file():
        raise StoreError(f"there is no store at {path}; `leakboard evaluate` makes one, `--store` names another")
    try:
        return duckdb.connect(str(path), read_only=read_only)
    except duckdb.ConnectionException as error:
        raise StoreBusy(f"{path} is open in the other mode in this process ({os.getpid()}); close it first") from error
    except duckdb.Error as error:
        if "lock" not in str(error):
            raise StoreError(f"{path} cannot be opened ({error}); {_REBUILD}") from error
        match = _HOLDER.search(str(error))
        holder = f"process {match[1]}" if match else "another process"
        raise StoreBusy(f"{path} is in use by {holder}; wait for it to end, or name another store") from error


def prepare(connection: DuckDBPyConnection, path: Path, *, read_only: bool) -> None:
    """Make the tables of a new database, or refuse one that this version cannot use."""
    present = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not present and not read_only:
        tables.create(connection)
        return
    if not present >= {"meta", *(table.name for table in tables.TABLES)}:
        raise StoreError(f"{path} is a DuckDB file but no leakboard store; name another with --store")
    row = connection.execute("SELECT value FROM meta WHERE name = 'layout_version'").fetchone()
    if row is None or row[0] != str(tables.LAYOUT_VERSION):
        version = "none" if row is None else row[0]
        raise StoreError(f"{path} has table layout {version}, this leakboard {tables.LAYOUT_VERSION}; {_REBUILD}")


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of a database file for a while, so that nobody writes to it; :class:`StoreBusy` if it is taken.

    A file that is missing, or too broken to be opened by anyone, needs no lock.
    """
    try:
        connection = connect(path, read_only=False) if path.is_file() else None
    except StoreBusy:
        raise
    except StoreError:
        connection = None
    try:
        yield
    finally:
        if connection is not None:
            connection.close()
