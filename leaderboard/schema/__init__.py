"""Tables of the board's database: their columns, types, titles, definitions and units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaderboard.schema.columns import Column, Table
    from leaderboard.schema.tables import COLUMNS, SCHEMA_VERSION, TABLES

__all__ = ["COLUMNS", "SCHEMA_VERSION", "TABLES", "Column", "Table"]

_HOMES = {
    "COLUMNS": "leaderboard.schema.tables",
    "SCHEMA_VERSION": "leaderboard.schema.tables",
    "TABLES": "leaderboard.schema.tables",
    "Column": "leaderboard.schema.columns",
    "Table": "leaderboard.schema.columns",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that a reader of one module does not load them all."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'leaderboard.schema' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
