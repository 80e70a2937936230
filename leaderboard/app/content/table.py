"""Columns of a table as pages show them: intervals as pictures, flags and statuses in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from leaderboard.app.drawing.intervals import NOT_AVAILABLE, interval_pictures, number_text
from leaderboard.queries import FLAGS

__all__ = ["PAINT", "flag_titles", "ready", "with_aggregate"]

PAINT = {"privacy": "#1f5f99", "utility": "#00795c", "pue": "#46525f", "advantage": "#b5460a", "value": "#b5460a"}
"""Colour of a measure's interval."""


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
    return rows[name].round(4) if rows[name].dtype.kind == "f" and name != "delta" else rows[name]


def flag_titles(flags: Iterable[str] | None) -> list[str]:
    """Short titles of flag ids; an id without a title is shown as it is."""
    return [] if flags is None else [FLAGS[flag][0] if flag in FLAGS else flag for flag in flags]


def _by_secret(text: str | None) -> str:
    """``text 0.50, membership 0.71`` from JSON."""
    by_kind = json.loads(text) if isinstance(text, str) else {}
    return ", ".join(f"{name} {number_text(value)}" for name, value in (by_kind or {}).items()) or NOT_AVAILABLE


def _status(status: str | None, reason: str | None) -> str:
    parts = [part for part in (status, reason) if isinstance(part, str) and part]
    if len(parts) == 2 and status == "ok":
        return f"not ranked: {reason}"
    return ": ".join(parts) or NOT_AVAILABLE


def with_aggregate(rows: pd.DataFrame, names: Iterable[str]) -> tuple[str, ...]:
    """The column names without that of aggregate leakage where no row has one."""
    empty = bool(rows["aggregate_leakage"].isna().all())
    return tuple(name for name in names if not (empty and name == "aggregate_leakage"))
