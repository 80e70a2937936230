"""A frame as a data file: every column of the board's table, at full precision."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from leaderboard.export.provenance import Provenance
from leaderboard.export.request import Request
from leaderboard.export.tables.model import NOT_AVAILABLE
from leaderboard.schema import TABLES

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["GUARDED", "to_csv", "to_parquet"]

GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""First characters with which a spreadsheet takes a text for a formula; such texts get a ``'`` in front."""


def to_csv(frame: DataFrame, table: str, request: Request, source: Provenance) -> str:
    """Comma-separated values with a header of column names; ``n/a`` where there is no value, lists as JSON."""
    import pyarrow.compute as pc

    arrow = _arrow_table(frame, table)
    columns = [_texts(column.combine_chunks()) for column in arrow.columns]
    lines = pc.binary_join_element_wise(*columns, ",").to_pylist()
    head = [source.comment("# ").removesuffix("\n")] if request.comment else []
    return "\n".join([*head, ",".join(arrow.column_names), *lines]) + "\n"


def _texts(values: Any) -> Any:
    """An Arrow column as the texts of a CSV file."""
    import pyarrow
    import pyarrow.compute as pc

    if pyarrow.types.is_list(values.type):
        shown = [None if one is None else json.dumps(one, ensure_ascii=False) for one in values.to_pylist()]
        values = pyarrow.array(shown, pyarrow.string())
    if not pyarrow.types.is_string(values.type):
        return pc.fill_null(values.cast(pyarrow.string()), NOT_AVAILABLE)
    coded = values.dictionary_encode()  # a board has few distinct texts, each on many rows
    safe = pyarrow.array([_quoted(text) for text in coded.dictionary.to_pylist()], pyarrow.string())
    return pc.fill_null(safe.take(coded.indices), NOT_AVAILABLE)


def _quoted(text: str) -> str:
    """A text of a CSV file: never a formula, in quotes where it must be."""
    guarded = f"'{text}" if text.startswith(GUARDED) else text
    return '"' + guarded.replace('"', '""') + '"' if _SPECIAL.search(guarded) else guarded


_SPECIAL = re.compile(r'[",\r\n#]')
"""Characters that need quotes; ``#`` is one for readers that take it for the start of a comment."""


def to_parquet(frame: DataFrame, table: str, source: Provenance) -> bytes:
    """Parquet with the provenance as metadata of the file, and title, definition and unit as metadata of columns."""
    import pyarrow.parquet

    arrow = _arrow_table(frame, table)
    facts = {f"leakboard.{name.replace(' ', '_')}": value for name, value in source.facts.items()}
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **facts})
    out = BytesIO()
    pyarrow.parquet.write_table(arrow, out, compression="zstd")
    return out.getvalue()


def _arrow_table(frame: DataFrame, table: str) -> Any:
    import pyarrow

    schema = _schema(table)
    if frame.empty:  # pandas no longer knows what its columns would hold
        return schema.empty_table()
    return pyarrow.Table.from_pandas(frame, schema=schema, preserve_index=False)


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
