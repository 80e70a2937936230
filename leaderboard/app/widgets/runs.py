"""The table of runs, whose rows open the page of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from leaderboard.app.content.runs import RUN_COLUMNS, with_environment
from leaderboard.app.content.table import ready
from leaderboard.app.widgets.table import Link, height_of, pick

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["show_runs"]


def show_runs(runs: pd.DataFrame, *, key: str) -> None:
    """The runs as a table; a selected one has a link to the page of runs."""
    if runs.empty:
        st.info("There are no runs here.")
        return
    view = ready(with_environment(runs), RUN_COLUMNS)
    hint = "Select a row for everything that is stored about the run."
    pick(view, lambda at: _link(runs, at), key=key, height=height_of(len(runs)), alt="Runs", hint=hint)


def _link(runs: pd.DataFrame, position: int) -> Link:
    row = runs.iloc[position]
    state = {"suite": str(row["suite"]), "submission": str(row["submission"]), "run": str(row["key"])}
    return Link(
        "runs", f"Open run {row['key'][:16]}", state, f"{row['submission']} on {row['entry']}, seed {row['seed']}"
    )
