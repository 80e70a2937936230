"""Frames of the defense page: scores, attacks, claims."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from leaderboard.app.drawing.intervals import interval_text, number_text

__all__ = [
    "LANES",
    "SCORES",
    "claim_facts",
    "claim_rows",
    "forest_rows",
    "point_labels",
    "run_first",
    "strongest_title",
]

LANES = 24
"""Attacks in one forest plot; the weakest beyond that are left out, which the page says."""

SCORES = (
    "entry",
    "label",
    "rank",
    "group",
    "pue",
    "privacy",
    "privacy_ends",
    "utility",
    "utility_ends",
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


def run_first(measured: Sequence[str], known: Sequence[str]) -> list[str]:
    """Every known submission: those ``measured`` on the entry first, in their order, then the undefended."""
    defended = [name for name in dict.fromkeys(measured) if name != "none"]
    here = [*defended, *(["none"] if "none" in measured else [])]
    return [*here, *(name for name in known if name not in here)]


def strongest_title(attacks: pd.DataFrame) -> str:
    """``attack variant`` of the largest advantage that counts, as the evidence is titled; empty without one."""
    counting = attacks[attacks["counts"].fillna(False).astype(bool)].dropna(subset=["advantage"])
    best = counting.sort_values("advantage", ascending=False).head(1)
    pairs = zip(best["attack"].tolist(), best["variant"].tolist(), strict=True)
    return next((f"{attack!s} {variant or ''!s}".strip() for attack, variant in pairs), "")


def claim_facts(card: Mapping[str, Any]) -> dict[str, str]:
    """The manifest's claims in words: the submission's own, and those of its operating points; empty without any."""
    points: Any = json.loads(card["points"]) if card["points"] else []
    own: Any = json.loads(card["claim"]) if card["claim"] else None
    claims = {"Claimed": own} | {
        f"Claimed at {point.get('label') or f'point {index}'}": point.get("claim")
        for index, point in enumerate(points)
        if isinstance(point, dict)
    }
    return {name: _claim_words(claim) for name, claim in claims.items() if isinstance(claim, dict) and claim}


def _claim_words(claim: Mapping[str, Any]) -> str:
    """``epsilon 2, delta 1e-05, unit record``: the fields in the manifest's order."""
    shown = {name: f"{value:g}" if isinstance(value, int | float) else str(value) for name, value in claim.items()}
    return ", ".join(f"{name.replace('_', ' ')} {value.replace('_', ' ')}" for name, value in shown.items())


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
