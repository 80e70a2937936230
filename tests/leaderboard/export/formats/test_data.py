"""Data formats: read back equal, guarded against formulas."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pandas as pd
import pyarrow.parquet
import pytest

from leaderboard.export import TABLES, Request, render
from leaderboard.export.formats.data import GUARDED
from leaderboard.export.frames import requested_rows
from leaderboard.queries import Board
from leaderboard.schema import TABLES as SCHEMA
from tests.stand_ins.stored_results import BOARDS


def plain(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows as Python values, None where there is nothing."""
    shown = frame.astype(object).where(frame.notna(), None)
    return [{str(name): _value(value) for name, value in row.items()} for row in shown.to_dict("records")]


def _value(value: object) -> object:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def read_csv(data: bytes, table: str) -> pd.DataFrame:
    """A CSV file as the documentation says to read it."""
    words = {column.name: object for column in SCHEMA[table].columns if column.kind.startswith("VARCHAR")}
    frame = pd.read_csv(io.BytesIO(data), dtype=words, na_values=["n/a"], keep_default_na=False)
    for column in SCHEMA[table].columns:
        if column.kind.startswith("VARCHAR"):
            texts = frame[column.name].astype(object)
            frame[column.name] = [one[1:] if isinstance(one, str) and one.startswith("'") else one for one in texts]
        if column.kind == "VARCHAR[]":
            frame[column.name] = [json.loads(one) if isinstance(one, str) else [] for one in frame[column.name]]
    return frame


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "ragged" else pytest.mark.slow) for name in BOARDS]
)
@pytest.mark.parametrize("table", TABLES)
def test_parquet_reads_back_equal(
    name: str, table: str, board: Callable[[str], Board], ask: Callable[..., Request]
) -> None:
    board_read = board(name)
    data = render(board_read, ask(table, "parquet"))
    assert plain(pd.read_parquet(io.BytesIO(data))) == plain(requested_rows(board_read, ask(), table))
    schema = pyarrow.parquet.read_schema(io.BytesIO(data))
    assert schema.names == list(SCHEMA[table].kinds)
    assert schema.field(0).metadata[b"definition"].decode() == SCHEMA[table].columns[0].definition


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("table", TABLES)
def test_csv_reads_back_equal(
    name: str, table: str, board: Callable[[str], Board], ask: Callable[..., Request]
) -> None:
    board_read = board(name)
    data = render(board_read, ask(table, "csv"))
    body = render(board_read, ask(table, "csv", comment=False))
    assert data.decode().startswith("# made by: leakboard") and data.endswith(body)
    assert plain(read_csv(body, table)) == plain(requested_rows(board_read, ask(), table))


def test_formulas_are_texts(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    from leaderboard.export.formats.data import to_csv
    from leaderboard.export.provenance import Provenance

    frame = requested_rows(board("tiny"), ask(), "board").head(len(GUARDED))
    frame["title"] = [f"{first}1+1" for first in GUARDED][: len(frame)]
    text = to_csv(frame, "board", ask(comment=False), Provenance({}))
    titles = pd.read_csv(io.StringIO(text), keep_default_na=False)["title"]
    assert titles.tolist() == [f"'{first}1+1" for first in GUARDED][: len(frame)]
    assert (pd.read_csv(io.StringIO(text))["privacy_low"] == frame["privacy_low"]).all(), "numbers are left alone"
