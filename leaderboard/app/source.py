"""The board database as the pages see it: opened read-only for each question, reread when the file changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple, cast

import pandas as pd
import streamlit as st

from leaderboard import queries
from leaderboard.app.launch import BOARD_VARIABLE, SOURCE_VARIABLE

__all__ = [
    "Stamp",
    "board_of",
    "board_path",
    "column",
    "compared",
    "facts_about",
    "first",
    "frame",
    "source_option",
    "stamp",
]


class Stamp(NamedTuple):
    """Tells one state of the board's file from the next: a swapped-in file has another inode."""

    path: str
    inode: int
    modified: int


def board_path() -> Path:
    """Path of the board database, as the launcher gave it."""
    return Path(os.environ.get(BOARD_VARIABLE, "leakboard.board.duckdb"))


def source_option() -> str:
    """The store or folder of records that this board was built from, as the launcher was given it."""
    return os.environ.get(SOURCE_VARIABLE, "")


def board_of(state: Stamp) -> queries.Board:
    """The board in that state of the file."""
    return queries.open_board(state.path)


def stamp() -> Stamp:
    """The state of the file now; ends the page with an explanation if there is none."""
    path = board_path()
    try:
        state = path.stat()
    except OSError:
        st.error("There is no board database here yet. Start the app with `leakboard board`, which builds it.")
        st.stop()
    return Stamp(str(path), state.st_ino, state.st_mtime_ns)


def frame(question: str, **where: Any) -> pd.DataFrame:
    """The answer of the method ``question`` of :class:`leaderboard.queries.Board`, kept until the file changes.

    Shared between sessions: callers never change it in place.
    """
    return _read(stamp(), question, tuple(sorted(where.items())))


def column(table: str, name: str, **where: str) -> list[Any]:
    """The values of one column with repetitions, in the order of the table."""
    return _values(stamp(), table, name, tuple(sorted(where.items())))


def compared(suite: str, names: tuple[str, ...]) -> pd.DataFrame:
    """:func:`leaderboard.queries.compare` on the board."""
    return queries.compare(board_of(stamp()), names, suite=suite)


@st.cache_resource(max_entries=64, show_spinner=False)
def _read(state: Stamp, question: str, where: tuple[tuple[str, Any], ...]) -> pd.DataFrame:
    return cast("pd.DataFrame", getattr(board_of(state), question)(**dict(where)))


@st.cache_resource(max_entries=64, show_spinner=False)
def _values(state: Stamp, table: str, name: str, where: tuple[tuple[str, str], ...]) -> list[Any]:
    values = board_of(state).table(table, dict(where), columns=(name,))
    return values[name].tolist()


def facts_about() -> dict[str, str]:
    """The ``meta`` table as a mapping: hash of the records, when it was built, versions."""
    return board_of(stamp()).meta()


def first(rows: pd.DataFrame) -> dict[str, Any] | None:
    """The first row as column -> value, None for a missing value; None without a row."""
    if rows.empty:
        return None
    return {str(name): _present(value) for name, value in rows.iloc[0].items()}


def _present(value: Any) -> Any:
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value
