"""A frame as a data file: every column of the board's table, at full precision."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from leaderboard.export.model import NOT_AVAILABLE
from leaderboard.export.provenance import Provenance
from leaderboard.export.request import Request
from leaderboard.schema import TABLES

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["GUARDED", "to_csv", "to_parquet"]

GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""First characters with which a spreadsheet takes a text for a formula; such texts get a ``'`` in front."""


def to_csv(frame: DataFrame, request: Request, source: Provenance) -> str:
    """Comma-separated values with a header of column names; ``n/a`` where there is no value, lists as JSON."""
    shown = frame.copy(deep=False)
    for column in shown.columns:
        shown[column] = _csv_column(shown[column])
    out = StringIO()
    if request.comment:
        out.write(source.comment("# "))
    shown.to_csv(out, index=False, na_rep=NOT_AVAILABLE, lineterminator="\n")
    return out.getvalue()


def _csv_column(values: Series) -> Any:
    """Numbers as they are; texts guarded, lists as JSON."""
    if values.dtype.kind in "biuf" or str(values.dtype) == "Int64":
        return values
    memory: dict[str, str] = {}
    return [_text(value, memory) for value in values.astype(object).tolist()]


def _text(value: object, memory: dict[str, str]) -> object:
    """One text of a CSV file; ``memory`` holds those that were seen before."""
    if isinstance(value, str):
        return memory.get(value) or memory.setdefault(value, f"'{value}" if value.startswith(GUARDED) else value)
    return value if _missing(value) else json.dumps(_plain(value), ensure_ascii=False)


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ == "NAType"


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def to_parquet(frame: DataFrame, table: str, source: Provenance) -> bytes:
    """Parquet with the provenance as metadata of the file, and title, definition and unit as metadata of columns."""
    import pyarrow
    import pyarrow.parquet

    made = pyarrow.Table.from_pandas(frame, schema=_schema(table), preserve_index=False)
    facts = {f"leakboard.{name.replace(' ', '_')}": value for name, value in source.facts.items()}
    made = made.replace_schema_metadata({**(made.schema.metadata or {}), **facts})
    out = BytesIO()
    pyarrow.parquet.write_table(made, out, compression="zstd")
    return out.getvalue()


def _schema(table: str) -> Any:
    import pyarrow

    return pyarrow.schema(
        [
            pyarrow.field(
                column.name,
                _arrow(column.kind),
                metadata={"title": column.title, "definition": column.definition, "unit": column.unit},
            )
            for column in TABLES[table].columns
        ]
    )


def _arrow(kind: str) -> Any:
    import pyarrow

    kinds: Mapping[str, Any] = {
        "VARCHAR": pyarrow.string(),
        "VARCHAR[]": pyarrow.list_(pyarrow.string()),
        "DOUBLE": pyarrow.float64(),
        "BIGINT": pyarrow.int64(),
        "BOOLEAN": pyarrow.bool_(),
    }
    return kinds[kind]
