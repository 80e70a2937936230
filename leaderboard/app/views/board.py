"""The board: one row per submission and operating point, of one entry or over all entries of a suite."""

from __future__ import annotations

import streamlit as st

from leaderboard.app.content.board import ORDERS, PAGE, VIEWS, ordered, overall_view, rows_view
from leaderboard.app.source import frame
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import choose, switch
from leaderboard.app.widgets.html import heading, note
from leaderboard.app.widgets.suite import suite_lead, suite_notes
from leaderboard.app.widgets.table import height_of, show

with st.sidebar:
    suite = filters.choose_suite()
    entry = filters.choose_entry(suite, overall=True)
    overall = entry == filters.OVERALL
    if overall:
        rows = filters.named(frame("overall", suite=suite))
    else:
        rows = filters.filtered(frame("board", suite=suite, entry=entry))
        with st.expander("Weights of PUE"):
            rows = filters.reweighted(rows, filters.weights())
        rows = ordered(rows, choose("Order by", list(ORDERS), "order"))
        columns = choose("Columns", list(VIEWS), "columns")
    everything = len(rows) > PAGE and st.toggle(f"Show all {len(rows):,} rows", key="all", bind="query-params")

heading("Board", suite_lead(suite))
shown = rows if everything else rows.head(PAGE)
if shown.empty:
    st.info("No row fits these filters.")
    st.stop()
view = overall_view(shown) if overall else rows_view(shown, columns)
clicked = show(view, key=f"board-{entry}", height=height_of(len(view)), alt="The board")
note(
    f"{len(shown):,} of {len(rows):,} rows. Click a row to open the defense. Hover over a column's title for its "
    "definition; bars are 95 % intervals on an axis from 0 to 1; a group holds rows that do not differ significantly."
)
suite_notes(suite, shown)
if clicked is not None:
    row = shown.iloc[clicked]
    switch(
        "defense", submission=row["submission"], suite=suite, entry="" if overall else entry, point=str(row["point"])
    )
