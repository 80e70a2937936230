"""Columns and orders of the board page, and the number of rows that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.app.content.table import ready, with_aggregate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ORDERS", "PAGE", "VIEWS", "ordered", "overall_view", "rows_view"]

PAGE = 250
"""Rows shown before "show all": more are slow to draw and nobody reads them."""

ORDERS = {
    "PUE": ("pue", False),
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
        "rank",
        "group",
        "submission",
        "label",
        "pue",
        "privacy",
        "privacy_interval",
        "utility",
        "utility_interval",
        "efficiency",
        "strongest",
        "flags",
        "tier",
        "status",
        "aggregate_leakage",
        "dcs",
        "c_dcs",
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


def overall_view(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns of the overall board."""
    return ready(rows, _OVERALL)
