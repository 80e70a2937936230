"""Frames of the defense page: scores, attacks, claims."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from leaderboard.app.drawing.intervals import interval_text, number_text

__all__ = ["LANES", "SCORES", "claim_facts", "claim_rows", "forest_rows", "point_labels"]

LANES = 24
"""Attacks in one forest plot; the weakest beyond that are left out, which the page says."""

SCORES = (
    "entry",
    "label",
    "rank",
    "group",
    "pue",
    "privacy",
    "privacy_interval",
    "utility",
    "utility_interval",
    "efficiency",
    "strongest",
    "flags",
    "status",
    "aggregate_leakage",
)

_SAME = ["attack", "variant", "coalition", "secret", "metric"]


def point_labels(rows: pd.DataFrame) -> dict[str, str]:
    """Operating point (as text) -> its label."""
    pairs = rows[["point", "label"]].drop_duplicates("point").sort_values("point")
    return {str(point): str(label or f"point {point}") for point, label in pairs.itertuples(index=False)}


def claim_facts(claim: str | None) -> dict[str, object]:
    """The manifest's claim by name; empty without one."""
    claim_fields: Any = json.loads(claim) if claim else None
    return dict(claim_fields) if isinstance(claim_fields, dict) else {}


def claim_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Claim beside measurement, one row per entry and operating point that claims or spends an epsilon."""
    names = ["entry", "label", "claim_epsilon", "measured_epsilon", "claim_about", "claim_limit", "verified", "flags"]
    return rows.loc[rows[["claim_epsilon", "measured_epsilon"]].notna().any(axis=1), names]


def forest_rows(defended: pd.DataFrame, undefended: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`leaderboard.app.drawing.forest.forest_chart`, the strongest first, each beside the undefended."""
    strongest = defended.dropna(subset=["advantage"]).sort_values("advantage", ascending=False).head(LANES)
    wanted = strongest[_SAME].fillna("").agg(tuple, axis=1)
    known = undefended.dropna(subset=["advantage"])
    twins = known[known[_SAME].fillna("").agg(tuple, axis=1).isin(set(wanted))] if len(known) else known
    rows = pd.concat([strongest.assign(system="defended"), twins.assign(system="undefended")])
    several = rows["coalition"].nunique() > 1
    rows["lane"] = [_lane(row, several) for row in rows.itertuples()]
    rows["reading"] = [_reading(row) for row in rows.itertuples()]
    return rows[["lane", "system", "advantage", "advantage_low", "advantage_high", "reading"]]


def _lane(row: Any, several: bool) -> str:
    parts = [f"{row.attack} {row.variant or ''}".strip(), str(row.metric).replace("_", " ")]
    return " · ".join([*parts, str(row.coalition)] if several else parts)


def _reading(row: Any) -> str:
    score = interval_text(row.value, row.value_low, row.value_high)
    return f"{row.metric} {score} on {row.n} records, blind guess {number_text(row.floor)}"
