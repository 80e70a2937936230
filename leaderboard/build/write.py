"""Writing a board: a fresh database beside its place, checked, then swapped in atomically."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import StoreError
from harness.store import atomic
from leaderboard.schema import TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["write_board"]

_ORDERS = {
    "board": "suite, entry, submission <> 'none', rank NULLS LAST, pue DESC NULLS LAST, submission, point",
    "overall": "suite, submission <> 'none', rank NULLS LAST, pue DESC NULLS LAST, submission, point",
    "headline": "suite, entry, submission",
    "attacks": "suite, entry, submission, point, attack, variant, coalition, secret, metric",
    "strata": "suite, entry, submission, point, attack, variant, coalition, secret, metric, stratum",
    "runs": "suite, entry, submission, point, seed, behaviour",
    "cells": "run_key, role, name, variant",
}
"""Tables are stored in the order in which they are shown, so that reading them needs no sort."""

_KINDS = {"BIGINT": "int64", "DOUBLE": "float64", "BOOLEAN": "bool", "VARCHAR": "string"}


def write_board(target: Path, tables: Mapping[str, Sequence[Mapping[str, Any]] | Any]) -> Path:
    """Write a board with these tables (rows as mappings, or a pyarrow table or data frame) and swap it in.

    Readers see the old board or the new one. Columns that rows lack are NULL. Raises StoreError on unknown tables.
    """
    import duckdb

    if unknown := set(tables) - set(TABLES):
        raise StoreError(f"a board has no tables {sorted(unknown)}")
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{atomic.TEMPORARY}{os.getpid()}-{target.name}")
    fresh.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(fresh)) as connection:
            for name, table in TABLES.items():
                connection.execute(table.statement())
                _insert(connection, name, tables.get(name, ()))
            connection.execute("CHECKPOINT")
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
    return target


def _insert(connection: DuckDBPyConnection, name: str, rows: Any) -> None:
    incoming = _arrow(name, rows) if isinstance(rows, Sequence) else rows
    if len(incoming) == 0:
        return
    connection.register("incoming", incoming)
    order = f" ORDER BY {_ORDERS[name]}" if name in _ORDERS else ""
    connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming{order}")
    connection.unregister("incoming")


def _arrow(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    import pyarrow as pa

    kinds = TABLES[name].kinds
    fields = [
        (c, pa.list_(pa.string()) if k.endswith("[]") else pa.type_for_alias(_KINDS[k])) for c, k in kinds.items()
    ]
    for row in rows[:1]:
        if unknown := set(row) - set(kinds):
            raise StoreError(f"table {name} has no columns {sorted(unknown)}")
    return pa.Table.from_pylist([{c: _plain(row.get(c)) for c in kinds} for row in rows], schema=pa.schema(fields))


def _plain(value: Any) -> Any:
    """A number that is not finite is none."""
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return None
    return list(value) if isinstance(value, tuple | frozenset) else value
