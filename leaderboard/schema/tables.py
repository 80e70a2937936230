"""The tables of the board's database, precomputed when results are ingested; pages and exports compute no score.

A number that does not exist is NULL, and ``status`` with ``reason`` in the same row says why. Columns that
occur in several tables mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from leaderboard.schema.columns import Table
from leaderboard.schema.fact_tables import ATTACK_CARDS, META, SCENARIOS, SUBMISSIONS, SUITES
from leaderboard.schema.ranked_tables import BOARD, HEADLINE, OVERALL
from leaderboard.schema.result_tables import (
    ATTACKS,
    BOUNDS,
    CELLS,
    DIAGNOSTICS,
    EVIDENCE,
    EXPOSED,
    OVERLAP,
    PAIRS,
    RUNS,
    STRATA,
    TASKS,
)

__all__ = ["COLUMNS", "SCHEMA_VERSION", "TABLES"]

SCHEMA_VERSION = 6
"""Raised when a table changes; a board of another version is built afresh from its records."""

_ALL = (
    BOARD,
    OVERALL,
    HEADLINE,
    ATTACKS,
    RUNS,
    CELLS,
    PAIRS,
    SUBMISSIONS,
    SCENARIOS,
    ATTACK_CARDS,
    SUITES,
    EVIDENCE,
    BOUNDS,
    STRATA,
    TASKS,
    DIAGNOSTICS,
    EXPOSED,
    OVERLAP,
    META,
)

TABLES: Mapping[str, Table] = {table.name: table for table in _ALL}
"""Every table by name. ``meta`` has the rows ``schema_version``, ``records_hash`` (SHA-256 over the content of all
records), ``built`` (UTC), ``leakboard`` (version), ``suites`` (comma-separated), ``runs`` and ``cells`` (counts)."""

COLUMNS: Mapping[str, tuple[str, str, str]] = {
    column.name: (column.title, column.definition, column.unit) for table in reversed(_ALL) for column in table.columns
}
"""Column name -> (title, definition, unit). Where tables differ in a word, the board's definition counts."""
