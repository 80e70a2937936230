"""The store: each cell is committed alone, first as a file by atomic rename, then in one database transaction.

Killed at any moment, it holds whole cells or none: what is a file but not yet a row becomes one when the
next writer opens the store. One process writes at a time; readers open the database read-only.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from harness.errors import StoreError
from harness.store import atomic
from harness.store.connection import connect, held, prepare
from harness.store.files import Files, Record, content_hash, differences, shelf_of
from harness.store.schema import CellRecord, RunRecord
from harness.store.tables import ingest, remove

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Store"]

_BATCH = 256


class Store:
    """An open store; made by :meth:`open`, closed by :meth:`close` or as a context manager.

    For the database ``leakboard.duckdb`` the files are in ``leakboard.files`` beside it. A Store is used by
    one thread, except for :meth:`query`, which any thread may call.
    """

    def __init__(self, path: Path, connection: DuckDBPyConnection, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._connection = connection
        self._files = Files(path.with_suffix(".files"))

    @classmethod
    def open(cls, path: Path | str, *, read_only: bool = False) -> Store:
        """Open the store at ``path``; a writer creates what is missing and takes in files that have no rows yet.

        Raises:
            StoreBusy: another process holds the database; the message names it.
            StoreError: no store to read, one of another layout, or damaged files (all are named).
        """
        path = Path(path).absolute()
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        store = cls(path, connect(path, read_only=read_only), read_only=read_only)
        try:
            prepare(store._connection, path, read_only=read_only)
            if not read_only:
                store._files.sweep()
                store.sync()
        except BaseException:
            store.close()
            raise
        return store

    @staticmethod
    def rebuild(path: Path | str) -> int:
        """Make the database afresh from the files and swap it in; returns the number of records.

        Works on a database that is missing, broken or of another layout. Errors leave the old one in place.

        Raises:
            StoreBusy: another process holds the database.
            StoreError: damaged files (all are named).
        """
        path = Path(path).absolute()
        fresh = path.with_name(f"{path.name}.rebuild")
        with held(path):
            for left in path.parent.glob(f"{fresh.name}*"):
                left.unlink()
            with Store(path, connect(fresh, read_only=False), read_only=False) as store:
                prepare(store._connection, fresh, read_only=False)
                count = store.sync()
                store._connection.execute("CHECKPOINT")
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        os.replace(fresh, path)
        return count

    def close(self) -> None:
        """Close the database; closing twice is harmless."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def has_cell(self, key: str) -> bool:
        """True where the cell of ``key`` is committed."""
        return self._content("cells", key) is not None

    def has_result(self, key: str) -> bool:
        """True where the cell of ``key`` is committed and did not end in an error: errors are worth another try."""
        rows = self.query("SELECT status FROM cells WHERE key = ?", [key])
        return bool(rows) and rows[0]["status"] != "error"

    def cell(self, key: str) -> CellRecord | None:
        """The cell of ``key``, or None; :class:`StoreError` if its file is damaged."""
        return cast("CellRecord", self._files.read("cells", key)) if self.has_cell(key) else None

    def run(self, key: str) -> RunRecord | None:
        """The run of ``key``, or None; :class:`StoreError` if its file is damaged."""
        return cast("RunRecord", self._files.read("runs", key)) if self._content("runs", key) else None

    def put_cell(self, cell: CellRecord) -> bool:
        """Commit a cell; True if it is new, False if it was there already. One that had ended in an error is replaced.

        Raises:
            StoreError: the store is read-only, or the key is there with other content (time, memory, place and
                the wording of a failure aside).
        """
        return self._put(cell)

    def put_run(self, run: RunRecord) -> bool:
        """Commit a run, as :meth:`put_cell` does a cell."""
        return self._put(run)

    def put_manifest(self, name: str, manifest: Mapping[str, Any]) -> None:
        """Keep the manifest of a submission with its records, so that they tell whose they are wherever they go."""
        self._refuse_reader()
        self._files.write_manifest(name, manifest)

    def artefact_dir(self, run_key: str) -> Path | None:
        """The folder with a run's artefacts if they are committed and not evicted, or None."""
        folder = self._files.artefacts(run_key)
        return folder if folder.is_dir() else None

    def put_artefact(self, run_key: str, files: Mapping[str, bytes]) -> Path:
        """Commit a run's artefacts (file name -> content), all or none; artefacts that are there stay."""
        self._refuse_reader()
        if odd := [name for name in files if Path(name).name != name or name.startswith(".")]:
            raise StoreError(f"artefacts of {run_key}: {odd[0]!r} is not a plain file name")
        folder = self._files.artefacts(run_key)
        atomic.write_folder(folder, files)
        return folder

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries; JSON columns come as text. ``parameters`` fill ``?`` or ``$name``.

        Raises:
            StoreError: the database refuses the query.
        """
        import duckdb

        with self._connection.cursor() as cursor:
            try:
                cursor.execute(sql, parameters or None)
                names = [column[0] for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            except duckdb.Error as error:
                raise StoreError(f"query on {self.path} failed: {error}") from error

    def sync(self) -> int:
        """Take in documents that have no rows yet; returns how many. Damaged ones are all named in one error."""
        self._refuse_reader()
        damaged: list[str] = []
        count = 0
        for batch in _batches(self._missing(damaged)):
            ingest(self._connection, batch)
            count += len(batch)
        if damaged:
            raise StoreError(f"{len(damaged)} file(s) of {self.path} cannot be used:\n  " + "\n  ".join(damaged))
        return count

    def _missing(self, damaged: list[str]) -> Iterator[Record]:
        for shelf in ("runs", "cells"):
            known = {row["key"] for row in self.query(f"SELECT key FROM {shelf}")}
            for key in (key for key in self._files.keys(shelf) if key not in known):
                try:
                    yield self._files.read(shelf, key)
                except StoreError as error:
                    damaged.append(str(error))

    def _put(self, record: Record) -> bool:
        self._refuse_reader()
        shelf = shelf_of(record)
        known = self._content(shelf, record.key)
        if known is None:
            self._files.write(record)
            ingest(self._connection, [record])
        elif known != content_hash(record) and self._files.read(shelf, record.key).status == "error":
            # Row first: a kill in between leaves a file without a row, and the next writer takes in what is there.
            remove(self._connection, shelf, record.key)
            self._files.write(record)
            ingest(self._connection, [record])
            return True
        elif known != content_hash(record):
            fields = ", ".join(differences(self._files.read(shelf, record.key), record))
            raise StoreError(
                f"{shelf[:-1]} {record.key} is in {self.path} with another {fields}; equal keys must mean equal "
                "results: look for randomness that is not seeded, or another number of threads"
            )
        return known is None

    def _content(self, shelf: str, key: str) -> str | None:
        rows = self.query(f"SELECT content FROM {shelf} WHERE key = ?", [key])
        return rows[0]["content"] if rows else None

    def _refuse_reader(self) -> None:
        if self.read_only:
            raise StoreError(f"{self.path} was opened read-only")


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(itertools.islice(records, _BATCH)):
        yield batch
