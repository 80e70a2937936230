"""Columns and orders of the board page, and the number of rows that it shows."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from leaderboard.app.content.table import ready, with_aggregate
from leaderboard.app.drawing.answers import first_sentence

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ORDERS", "PAGE", "VIEWS", "about", "download", "ordered", "overall_view", "parted", "reasons", "rows_view"]

PAGE = 250
"""Rows shown before "show all": more are slow to draw and nobody reads them."""

NO_DESCRIPTION = "Its manifest has no description, or only its records are here."

ORDERS = {
    "PUE": ("pue", False),
    "privacy gained": ("gain", False),
    "privacy (lower end)": ("privacy_low", False),
    "utility": ("utility", False),
    "efficiency": ("efficiency", False),
    "Pareto tier": ("tier", True),
    "submission": ("submission", True),
}
"""Name of an order -> (column, ascending)."""

_NAMES = ("rank", "submission", "label")
VIEWS = {
    "Scores": (
        "gain",
        "gain_ends",
        "rank",
        "places",
        "group",
        "submission",
        "label",
        "privacy",
        "privacy_ends",
        "utility",
        "utility_ends",
        "strongest",
        "efficiency",
        "pue",
        "flags",
        "about",
        "tier",
        "status",
        "aggregate_leakage",
        "dcs",
        "c_dcs",
    ),
    "Intervals drawn": (
        "gain",
        *_NAMES,
        "privacy",
        "privacy_interval",
        "utility",
        "utility_interval",
        "pue",
        "pue_interval",
        "strongest",
        "status",
    ),
    "Costs": (
        *_NAMES,
        "efficiency",
        "bytes",
        "flops",
        "peak_memory",
        "round_trips",
        "wall_seconds",
        "setup_seconds",
        "status",
    ),
    "Provenance": (
        *_NAMES,
        "verified",
        "n_records",
        "seeds",
        "runs",
        "isolation",
        "family",
        "adversary",
        "threat_model",
        "claim_epsilon",
        "measured_epsilon",
        "claim_about",
        "flags",
        "status",
    ),
}
"""Name of a set of columns -> the columns."""
_OVERALL = (
    "rank",
    "submission",
    "label",
    "pue",
    "weakest",
    "privacy_at_utility_90",
    "gaussian_at_utility_90",
    "hypervolume",
    "efficiency",
    "t_dcs",
    "c_dcs",
    "covered",
    "entries",
    "declared",
    "status",
)


def ordered(rows: pd.DataFrame, order: str) -> pd.DataFrame:
    """Rows by the named order, those without a value last, ties by submission and operating point."""
    column, ascending = ORDERS[order]
    by = (
        list(dict.fromkeys(["rank", column, "submission", "point"]))
        if column == "pue"
        else [column, "submission", "point"]
    )
    up = [True if name in ("rank", "submission", "point") else ascending for name in by]
    if column == "submission":
        by, up = ["submission", "point"], [True, True]
    return rows.sort_values(by, ascending=up, na_position="last", kind="stable")


def rows_view(rows: pd.DataFrame, view: str = "Scores") -> pd.DataFrame:
    """Columns of one entry's board."""
    return ready(rows, with_aggregate(rows, VIEWS[view]))


def about(rows: pd.DataFrame, cards: pd.DataFrame) -> pd.DataFrame:
    """The rows with ``about``: one sentence of each submission's description."""
    summaries = dict(zip(cards["submission"], cards["summary"], strict=True))
    words = [summaries.get(name) for name in rows["submission"]]
    texts = [first_sentence(text) if isinstance(text, str) and text else NO_DESCRIPTION for text in words]
    return rows.assign(about=texts)


def parted(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The undefended reference, the rows with a rank, and those without."""
    reference = rows["submission"] == "none"
    ranked = rows["rank"].notna() & ~reference
    return rows[reference], rows[ranked], rows[~ranked & ~reference]


def reasons(rows: pd.DataFrame) -> list[tuple[str, int]]:
    """Reasons of rows without a rank, in words, each with the number of rows; the commonest first."""
    counted = Counter(_reason(row.status, row.reason) for row in rows.itertuples())
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def _reason(status: object, reason: object) -> str:
    """The reason without its numbers, so that rows that share it are counted together."""
    if status != "ok":
        return str(status or "no result").replace("_", " ")
    kinds = [part.partition(":")[0].strip() for part in str(reason or "").split("; ") if part]
    return " and ".join(dict.fromkeys(re.sub(r"\s*-?[0-9.]+.*$", "", kind) for kind in kinds)) or "not ranked"


def download(rows: pd.DataFrame) -> bytes:
    """The rows as CSV: numbers with the ends of their intervals, unrounded, and no picture."""
    flat = rows.assign(flags=[" ".join(flags) for flags in rows["flags"]]) if "flags" in rows else rows
    return bytes(flat.to_csv(index=False).encode())


def overall_view(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns of the overall board."""
    return ready(rows, _OVERALL)
