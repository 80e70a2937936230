"""The table of runs, whose rows open the page of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from leaderboard.app.content.runs import RUN_COLUMNS, with_environment
from leaderboard.app.content.table import ready
from leaderboard.app.widgets.choices import switch
from leaderboard.app.widgets.table import height_of, show

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["show_runs"]


def show_runs(runs: pd.DataFrame, *, key: str) -> None:
    """The runs as a table; a click opens one on the page of runs."""
    if runs.empty:
        st.info("There are no runs here.")
        return
    clicked = show(ready(with_environment(runs), RUN_COLUMNS), key=key, height=height_of(len(runs)), alt="Runs")
    if clicked is not None:
        row = runs.iloc[clicked]
        switch("runs", suite=row["suite"], submission=row["submission"], run=row["key"])
