"""Printed tables: what a table for people holds, whatever its format."""

from __future__ import annotations

from leaderboard.export.tables.model import BEST, NOT_AVAILABLE, SECOND, PrintedColumn, PrintedTable, Section
from leaderboard.export.tables.printed import printed_table

__all__ = ["BEST", "NOT_AVAILABLE", "SECOND", "PrintedColumn", "PrintedTable", "Section", "printed_table"]
