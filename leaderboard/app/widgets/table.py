"""Tables on a page: headers with definitions, widths that fit, cells that can be clicked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from leaderboard.answers.gains import COLUMNS as GAIN
from leaderboard.answers.numbers import rows_of, system
from leaderboard.app.drawing.intervals import NOT_AVAILABLE
from leaderboard.app.widgets.html import note
from leaderboard.schema import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Link", "clicked_row", "columns_of", "defense_link", "height_of", "pick", "plain", "show"]


@dataclass(frozen=True)
class Link:
    """Goal of a selected row: a page with its state, the words of the link, and a sentence about the row."""

    page: str
    label: str
    state: Mapping[str, str]
    about: str = ""


_WIDTHS = {
    "gain": 60,
    "rank": 46,
    "places": 66,
    "about": 420,
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
_SEEN: dict[str, tuple[str, str, str]] = {
    **COLUMNS,
    **{column.name: (column.title, column.definition, column.unit) for column in GAIN},
    "places": (
        "Places",
        "Places that the row takes in the middle 95 % of resamples of the records; tie: it shares its rank.",
        "",
    ),
    "about": ("Description", "First sentence of the submission's manifest.", ""),
}
"""Columns of the board, and those that pages add, with their definitions."""
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
    if name.endswith("_ends"):
        measure = _SEEN.get(name.removesuffix("_ends"), (name,))[0].lower()
        return st.column_config.TextColumn("95 % interval", width=98, help=f"95 % interval of {measure}.")
    title, definition, unit = _SEEN.get(name, (_TITLES.get(name, name), "", ""))
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


def pick(
    view: pd.DataFrame,
    link: Callable[[int], Link],
    *,
    key: str,
    height: int | Literal["auto"] = "auto",
    alt: str = "",
    hint: str = "Select a row to see what it is and to open its page.",
) -> None:
    """A table of which a row can be selected; a line above it then says what the row is and links to its page.

    The page is left by that link alone: a table is entered by the tab key, and its titles are tapped to sort.
    """
    place = st.container()
    clicked = show(view, key=key, height=height, alt=alt)
    with place:
        if clicked is None:
            note(hint)
            return
        chosen = link(clicked)
        note(chosen.about)
        state = {name: value for name, value in chosen.state.items() if value}
        st.page_link(f"views/{chosen.page}.py", label=chosen.label, icon=":material/arrow_forward:", query_params=state)


def defense_link(rows: pd.DataFrame, position: int) -> Link:
    """The page of the defense in a row that has suite, entry, submission and point."""
    row = rows_of(rows.iloc[[position]])[0]
    state = {name: str(row[name]) for name in ("submission", "suite", "entry", "point")}
    return Link("defense", f"Open {system(row)}", state, f"{row['submission']} on {row['entry']}, {row['suite']}")


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
