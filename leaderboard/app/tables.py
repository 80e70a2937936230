"""How board tables are shown: headers with definitions, intervals as pictures, flags in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

import pandas as pd
import streamlit as st

from leaderboard.app.intervals import NOT_AVAILABLE, interval_pictures, number_text
from leaderboard.queries import FLAGS
from leaderboard.schema import COLUMNS

__all__ = ["PAINT", "clicked_row", "columns_of", "flag_titles", "height_of", "plain", "ready", "show", "with_aggregate"]

PAINT = {"privacy": "#1f5f99", "utility": "#00795c", "pue": "#46525f", "advantage": "#b5460a", "value": "#b5460a"}
"""Colour of a measure's interval."""

_WIDTHS = {
    "rank": 46, "group": 52, "tier": 80, "pue": 46, "privacy": 58, "utility": 54, "efficiency": 72, "submission": 118,
    "label": 122, "strongest": 182, "status": 170,
    "flags": 130, "verified": 84, "point": 50, "attack": 160, "entry": 105,
    "seed": 50, "n": 50, "variant": 90,
}  # fmt: skip
_PICTURE = 107
_FORMATS = {
    "bytes": "bytes",
    "peak_memory": "bytes",
    "flops": "compact",
    "round_trips": "%.0f",
}
_TITLES = {"lane": "Pair", "commit": "Commit", "cpu": "Processor", "threads": "Threads"}
"""Titles of columns that pages add to the board's."""


def ready(rows: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The columns ``names`` of ``rows`` as they are shown.

    ``privacy_interval`` and the like become pictures of the measure's interval, ``flags`` titles, ``status`` the
    status with its reason.
    """
    return pd.DataFrame({name: _column(rows, name) for name in names}, index=rows.index).reset_index(drop=True)


def _column(rows: pd.DataFrame, name: str) -> Any:
    if name.endswith("_interval"):
        measure = name.removesuffix("_interval")
        colour = PAINT.get(measure, "#46525f")
        return interval_pictures(rows[measure], rows[f"{measure}_low"], rows[f"{measure}_high"], colour)
    if name == "flags":
        return [flag_titles(flags) for flags in rows["flags"]]
    if name == "created":
        return rows["created"].str.slice(0, 19).str.replace("T", " ")
    if name in ("p", "p_holm"):
        return ["< 0.001" if 0 <= value < 0.0005 else number_text(value, 3) for value in rows[name]]
    if name == "t_dcs":
        return [_by_secret(text) for text in rows["t_dcs"]]
    if name == "status":
        return [_status(*pair) for pair in zip(rows["status"], rows["reason"], strict=True)]
    return rows[name].round(4) if rows[name].dtype.kind == "f" else rows[name]


def flag_titles(flags: Iterable[str] | None) -> list[str]:
    """Short titles of flag ids; an id without a title is shown as it is."""
    return [] if flags is None else [FLAGS[flag][0] if flag in FLAGS else flag for flag in flags]


def _by_secret(text: str | None) -> str:
    """``text 0.50, membership 0.71`` from JSON."""
    found = json.loads(text) if isinstance(text, str) else {}
    return ", ".join(f"{name} {number_text(value)}" for name, value in (found or {}).items()) or NOT_AVAILABLE


def _status(status: str | None, reason: str | None) -> str:
    parts = [part for part in (status, reason) if isinstance(part, str) and part]
    if len(parts) == 2 and status == "ok":
        return f"not ranked: {reason}"
    return ": ".join(parts) or NOT_AVAILABLE


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


def with_aggregate(rows: pd.DataFrame, names: Iterable[str]) -> tuple[str, ...]:
    """The column names without that of aggregate leakage where no row has one."""
    empty = bool(rows["aggregate_leakage"].isna().all())
    return tuple(name for name in names if not (empty and name == "aggregate_leakage"))


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
