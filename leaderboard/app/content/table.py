"""Columns of a table as pages show them: intervals as pictures, flags and statuses in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from leaderboard.app.drawing.intervals import NOT_AVAILABLE, ends_text, interval_pictures, number_text
from leaderboard.queries import FLAGS

__all__ = ["PAINT", "flag_titles", "ready", "with_aggregate"]

PAINT = {"privacy": "#1f5f99", "utility": "#00795c", "pue": "#46525f", "advantage": "#b5460a", "value": "#b5460a"}
"""Colour of a measure's interval."""


def ready(rows: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The columns ``names`` of ``rows`` as they are shown.

    ``privacy_ends`` and the like become ``[0.31, 0.60]``, ``privacy_interval`` a picture of the same, ``places`` the
    interval of the rank with ties, ``flags`` titles, ``status`` the status with its reason.
    """
    return pd.DataFrame({name: _column(rows, name) for name in names}, index=rows.index).reset_index(drop=True)


def _column(rows: pd.DataFrame, name: str) -> Any:
    if name.endswith("_ends"):
        measure = name.removesuffix("_ends")
        return [ends_text(low, high) for low, high in zip(rows[f"{measure}_low"], rows[f"{measure}_high"], strict=True)]
    if name == "places":
        return _places(rows)
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
    return rows[name].round(4) + 0.0 if rows[name].dtype.kind == "f" and name != "delta" else rows[name]


def _places(rows: pd.DataFrame) -> list[str]:
    """Places that a row takes in 95 % of resamples, ``1-3``, and whether it shares its own."""
    shared = rows["rank"].map(rows["rank"].value_counts()).fillna(0) > 1
    texts = []
    for rank, low, high, tied in zip(rows["rank"], rows["rank_low"], rows["rank_high"], shared, strict=True):
        known = not (pd.isna(low) or pd.isna(high))
        places = (f"{low:.0f}" if low == high else f"{low:.0f}-{high:.0f}") if known else ""
        parts = [places, "tie" if tied else ""]
        texts.append(", ".join(part for part in parts if part) if not pd.isna(rank) else NOT_AVAILABLE)
    return texts


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
