"""Columns of the board with their SQL types, titles, definitions and units, which pages and exports share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Column", "Table", "flag", "json", "number", "texts", "whole", "words"]


@dataclass(frozen=True)
class Column:
    """A column with the words that explain it on pages and in exports."""

    name: str
    kind: str
    """SQL type; JSON values are VARCHAR."""
    title: str
    definition: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the board's database."""

    name: str
    summary: str
    columns: tuple[Column, ...]

    @property
    def kinds(self) -> Mapping[str, str]:
        """Column name -> SQL type, in order."""
        return {column.name: column.kind for column in self.columns}

    def statement(self) -> str:
        """The SQL that creates it."""
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.kinds.items())
        return f"CREATE TABLE {self.name} ({columns})"


def words(name: str, title: str, definition: str) -> Column:
    """Text; NULL where there is none."""
    return Column(name, "VARCHAR", title, definition)


def json(name: str, title: str, definition: str) -> Column:
    """A JSON document as text."""
    return Column(name, "VARCHAR", title, definition, "JSON")


def texts(name: str, title: str, definition: str) -> Column:
    """A list of texts, possibly empty."""
    return Column(name, "VARCHAR[]", title, definition)


def number(name: str, title: str, definition: str, unit: str = "") -> Column:
    """A real number; NULL where it does not exist, which ``status`` and ``reason`` explain."""
    return Column(name, "DOUBLE", title, definition, unit)


def whole(name: str, title: str, definition: str, unit: str = "") -> Column:
    """A whole number."""
    return Column(name, "BIGINT", title, definition, unit)


def flag(name: str, title: str, definition: str) -> Column:
    """True or false."""
    return Column(name, "BOOLEAN", title, definition)
