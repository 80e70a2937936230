"""Filters in the side bar, shared by the pages that show many rows; no score is computed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from harness.score import WEIGHTS
from leaderboard import queries
from leaderboard.app.source import column
from leaderboard.app.widgets.choices import choose, choose_many, share
from leaderboard.ranks.overall import USEFUL
from leaderboard.schema import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OVERALL", "choose_entry", "choose_suite", "filtered", "least_utility", "named", "reweighted", "weights"]

OVERALL = "all entries"
"""Choice of the whole suite instead of one of its entries."""

_FILTERS = ("adversary", "threat_model", "family", "verified")


def choose_suite() -> str:
    """The suite; unless the address says otherwise, one whose ranks count, and of these that with most ranked rows."""
    suites = column("board", "suite")
    indicative = dict(zip(suites, column("board", "indicative"), strict=True))
    ranked = Counter(name for name, has in zip(suites, column("board", "ranked"), strict=True) if has)
    names = sorted(set(suites), key=lambda name: (bool(indicative[name]), -ranked[name], name))
    return choose("Suite", names, "suite", help=COLUMNS["suite"][1])


def choose_entry(suite: str, *, overall: bool = False, default: str | None = None) -> str:
    """An entry of the suite (scenario with fixed settings), or with ``overall`` all of them together; unless something
    else says otherwise, the one with most ranked rows.
    """
    every = column("board", "entry", suite=suite)
    entries = sorted(set(every))
    ranked = Counter(name for name, has in zip(every, column("board", "ranked", suite=suite), strict=True) if has)
    default = default or max(entries, key=lambda name: ranked[name], default=None)
    options = [*entries, OVERALL] if overall and suite in column("overall", "suite") else entries
    return choose("Scenario entry", options, "entry", default=default, help=COLUMNS["entry"][1])


def filtered(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that the side bar's filters keep; a filter with nothing to choose from is not shown."""
    for name in _FILTERS:
        rows = _filter(rows, name)
    return named(rows)


def _filter(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    values = sorted(rows[name].dropna().unique())
    if len(values) < 2 and not st.query_params.get_all(name):
        return rows
    title, definition, _ = COLUMNS[name]
    chosen = choose_many(title, values, name, definition)
    return rows[rows[name].isin(chosen)] if chosen else rows


def named(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose submission's name contains what is typed."""
    words = st.text_input(
        "Submission contains", key="name", bind="query-params", placeholder="any", help="Part of a submission's name."
    )
    return rows[rows["submission"].str.contains(words, case=False, regex=False)] if words else rows


def weights() -> tuple[float, float, float]:
    """Weights of privacy, utility and efficiency from three sliders, scaled so that they sum to 1."""
    names = ("privacy", "utility", "efficiency")
    raw = [_slider(name, default) for name, default in zip(names, WEIGHTS, strict=True)]
    total = sum(raw)
    if total == 0:
        st.caption("All weights are 0: the default weights are used.")
        return WEIGHTS
    scaled = (raw[0] / total, raw[1] / total, raw[2] / total)
    if abs(total - 1) > 1e-9:
        st.caption("Scaled to " + ", ".join(f"{n} {share(w)}" for n, w in zip(names, scaled, strict=True)) + ".")
    return scaled


def least_utility() -> float:
    """The utility from which on a gain in privacy counts; one slider, shared by the pages through the address."""
    return float(
        st.slider(
            "Least utility",
            0.0,
            1.0,
            USEFUL,
            0.05,
            key="least",
            bind="query-params",
            help="Privacy gained counts only where so much utility is kept; 0: as when working alone, 1: undefended.",
        )
    )


def _slider(name: str, default: float) -> float:
    definition = COLUMNS[name][1]
    return float(
        st.slider(f"Weight of {name}", 0.0, 1.0, default, 0.05, key=f"w_{name}", help=definition, bind="query-params")
    )


def reweighted(rows: pd.DataFrame, chosen: Sequence[float]) -> pd.DataFrame:
    """The rows with PUE and rank for the chosen weights."""
    return queries.with_weights(rows, *chosen)
