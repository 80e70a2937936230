"""The trade-off: privacy against utility for every operating point of an entry."""

from __future__ import annotations

import streamlit as st

from harness.score.rules import UTILITY_FLOOR
from leaderboard import queries
from leaderboard.app.drawing.tradeoff import CROWD, tradeoff_chart
from leaderboard.app.source import frame
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import switch
from leaderboard.app.widgets.html import heading, note
from leaderboard.app.widgets.suite import suite_lead, suite_notes

with st.sidebar:
    suite = filters.choose_suite()
    entry = filters.choose_entry(suite)
    every = frame("board", suite=suite, entry=entry)
    rows = filters.filtered(every)

heading("Trade-off", suite_lead(suite))
drawn = queries.pareto(rows).dropna(subset=["privacy", "utility"])
if drawn.empty:
    st.info("No row that fits these filters has both a privacy and a utility.")
    st.stop()
bare = every[every["submission"] == "none"]
event = st.altair_chart(
    tradeoff_chart(drawn, bare, UTILITY_FLOOR),
    key=f"tradeoff-{entry}",
    on_select="rerun",
    selection_mode="pick",
    alt=f"Privacy against utility of {len(drawn)} operating points, with intervals and the Pareto front",
)
left_out = len(rows) - len(drawn)
note(
    f"{len(drawn):,} operating points"
    + (f", {left_out:,} without a privacy or a utility are not drawn" if left_out else "")
    + ". Lines join the operating points of one submission, bars are 95 % intervals"
    + ("" if len(drawn) <= CROWD else " (drawn for the front only, as there are many points)")
    + ". The dashed line joins what nothing beats; rows in the grey area have too little utility to be on it. Dotted: "
    "the undefended system, and working alone (nothing leaves, so nothing leaks). Click a point to open the defense."
)
suite_notes(suite, drawn)
picked = event["selection"].get("pick") or []
if picked:
    switch("defense", submission=picked[0]["submission"], suite=suite, entry=entry, point=str(int(picked[0]["point"])))
