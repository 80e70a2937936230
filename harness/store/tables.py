"""The tables of the database, and how records become rows: always whole records, always in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.store.files import Record, content_hash, shelf_of
from harness.store.schema import CellRecord, Costs, RunRecord

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["LAYOUT_VERSION", "TABLES", "Table", "create", "ingest", "remove"]

LAYOUT_VERSION = 2
"""Raised when a table changes; a database of another layout is rebuilt from the files."""


@dataclass(frozen=True)
class Table:
    """A table: column name -> SQL type, in order."""

    name: str
    columns: Mapping[str, str]

    def statement(self) -> str:
        """The SQL that creates it."""
        return f"CREATE TABLE {self.name} ({', '.join(f'{name} {kind}' for name, kind in self.columns.items())})"


def _typed(kind: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, kind)


_COSTS = {name: "DOUBLE" if name.endswith("seconds") else "BIGINT" for name in Costs.model_fields}

RUNS = Table(
    "runs",
    {"key": "VARCHAR PRIMARY KEY"}
    | _typed("VARCHAR", "suite", "entry", "scenario", "submission", "submission_hash", "behaviour", "isolation")
    | _typed("BIGINT", "point", "seed")
    | _typed("JSON", "parameters", "entitlement", "ledger", "verdict", "environment")
    | _typed("VARCHAR", "status", "reason", "model", "data", "created")
    | _COSTS
    | _typed("VARCHAR", "content"),
)
"""One row per run; costs are columns of their own, ``created`` comes from the environment."""

CELLS = Table(
    "cells",
    {"key": "VARCHAR PRIMARY KEY"}
    | _typed("VARCHAR", "run_key", "suite", "entry", "scenario", "submission", "behaviour")
    | _typed("BIGINT", "point", "seed")
    | _typed("VARCHAR", "role", "name", "variant", "secret", "coalition", "status", "reason", "created")
    | _typed("JSON", "facts")
    | _typed("DOUBLE", "seconds")
    | _typed("VARCHAR", "content"),
)
"""One row per cell."""

SCORES = Table("scores", _typed("VARCHAR", "cell_key", "record", "metric") | _typed("DOUBLE", "value"))
"""One row per score; ``cell_key`` is the key of its cell."""

TABLES = (RUNS, CELLS, SCORES)
"""All tables that hold results."""


def create(connection: DuckDBPyConnection) -> None:
    """Make the tables of an empty database, in one transaction."""
    connection.begin()
    connection.execute("CREATE TABLE meta (name VARCHAR PRIMARY KEY, value VARCHAR)")
    connection.execute("INSERT INTO meta VALUES ('layout_version', ?)", [str(LAYOUT_VERSION)])
    for table in TABLES:
        connection.execute(table.statement())
    connection.commit()


def ingest(connection: DuckDBPyConnection, records: Sequence[Record]) -> None:
    """Insert whole records, all or none of them."""
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
    for record in records:
        rows[shelf_of(record)].append(_run_row(record) if isinstance(record, RunRecord) else _cell_row(record))
        rows["scores"] += _score_rows(record)
    connection.begin()
    try:
        for table in TABLES:
            _insert(connection, table, rows[table.name])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def remove(connection: DuckDBPyConnection, table: str, key: str) -> None:
    """Take the rows of a record out, all or none of them."""
    connection.begin()
    try:
        connection.execute("DELETE FROM scores WHERE cell_key = ?", [key])
        connection.execute(f"DELETE FROM {table} WHERE key = ?", [key])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _run_row(run: RunRecord) -> dict[str, Any]:
    document = run.model_dump(mode="json")
    costs, environment = document.pop("costs"), document["environment"]
    return _encoded(RUNS, document | costs | {"created": environment["created"], "content": content_hash(run)})


def _cell_row(cell: CellRecord) -> dict[str, Any]:
    document = cell.model_dump(mode="json", exclude={"scores"})
    return _encoded(CELLS, document | {"content": content_hash(cell)})


def _score_rows(record: Record) -> Iterable[dict[str, Any]]:
    scores = record.scores if isinstance(record, CellRecord) else ()
    return ({"cell_key": record.key, "record": s.record, "metric": s.metric, "value": s.value} for s in scores)


def _encoded(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(row[name], sort_keys=True) if kind == "JSON" else row[name]
        for name, kind in table.columns.items()
    }


def _insert(connection: DuckDBPyConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    import pyarrow as pa

    kinds = {"BIGINT": pa.int64(), "DOUBLE": pa.float64()}
    schema = pa.schema([(name, kinds.get(kind, pa.string())) for name, kind in table.columns.items()])
    connection.register("incoming", pa.Table.from_pylist(rows, schema=schema))
    try:
        connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM incoming")
    finally:
        connection.unregister("incoming")
