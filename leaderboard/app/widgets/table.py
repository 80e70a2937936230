"""Tables on a page: headers with definitions, widths that fit, cells that can be clicked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from leaderboard.app.drawing.intervals import NOT_AVAILABLE
from leaderboard.schema import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["clicked_row", "columns_of", "height_of", "plain", "show"]

_WIDTHS = {
    "rank": 46,
    "group": 52,
    "tier": 80,
    "pue": 46,
    "privacy": 58,
    "utility": 54,
    "efficiency": 72,
    "submission": 118,
    "label": 122,
    "strongest": 182,
    "status": 170,
    "flags": 130,
    "verified": 84,
    "point": 50,
    "attack": 160,
    "entry": 105,
    "seed": 50,
    "n": 50,
    "variant": 90,
}
_PICTURE = 107
_FORMATS = {
    "bytes": "bytes",
    "peak_memory": "bytes",
    "flops": "compact",
    "round_trips": "%.0f",
    "delta": "%.1e",
}
_TITLES = {"lane": "Pair", "commit": "Commit", "cpu": "Processor", "threads": "Threads"}
"""Titles of columns that pages add to the board's."""


def columns_of(rows: pd.DataFrame, pinned: Iterable[str] = ()) -> dict[str, Any]:
    """Column settings: title and definition of each, two decimals, widths that fit."""
    fixed = set(pinned)
    return {name: _setting(rows, name, name in fixed) for name in rows.columns}


def _setting(rows: pd.DataFrame, name: str, pinned: bool) -> Any:
    if name.endswith("_interval"):
        title = COLUMNS[name.removesuffix("_interval")][0].lower()
        return st.column_config.ImageColumn(
            "95 % interval", width=_PICTURE, help=f"Value and 95 % interval of {title}, on an axis from 0 to 1."
        )
    title, definition, unit = COLUMNS.get(name, (_TITLES.get(name, name), "", ""))
    common: dict[str, Any] = {"help": definition or None, "width": _WIDTHS.get(name), "pinned": pinned or None}
    if name == "flags":
        return st.column_config.ListColumn(title, **common)
    if rows[name].dtype.kind == "f":
        pattern = _FORMATS.get(name, "%.3g" if unit else "%.2f")
        return st.column_config.NumberColumn(title, format=pattern, **common)
    return st.column_config.Column(title, **common)


def show(
    rows: pd.DataFrame, *, key: str, pinned: Iterable[str] = (), height: int | Literal["auto"] = "auto", alt: str = ""
) -> int | None:
    """A table whose cells can be clicked; returns the position of the clicked row, if there is one."""
    event = st.dataframe(
        rows,
        key=key,
        hide_index=True,
        column_config=columns_of(rows, pinned),
        on_select="rerun",
        selection_mode="single-cell",
        row_height=32,
        height=height,
        placeholder=NOT_AVAILABLE,
        alt=alt or None,
    )
    return clicked_row(event, len(rows))


def height_of(rows: int, most: int = 20) -> int:
    """Pixels for a table of ``rows`` rows, at most ``most`` of them on screen at once."""
    return 35 + 32 * min(rows, most)


def plain(rows: pd.DataFrame, alt: str = "") -> None:
    """A table to read."""
    st.dataframe(
        rows, hide_index=True, column_config=columns_of(rows), row_height=32, placeholder=NOT_AVAILABLE, alt=alt or None
    )


def clicked_row(event: Any, rows: int) -> int | None:
    """The row of a selection; None where nothing is selected or the rows have changed since."""
    cells = event["selection"]["cells"]
    return int(cells[0][0]) if cells and int(cells[0][0]) < rows else None
