"""Runs: where every number comes from, as a table and as JSON."""

from __future__ import annotations

import json

import streamlit as st

from leaderboard.app.content.board import PAGE
from leaderboard.app.content.runs import CELLS, EVERYONE, run_document
from leaderboard.app.content.table import ready
from leaderboard.app.escape import prose
from leaderboard.app.source import column, first, frame
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import choose
from leaderboard.app.widgets.html import heading, note
from leaderboard.app.widgets.runs import show_runs
from leaderboard.app.widgets.table import plain

left, right = st.columns(2)
with left:
    suite = filters.choose_suite()
with right:
    names = sorted(set(column("runs", "submission", suite=suite)))
    name = choose("Submission", [EVERYONE, *names] if names else [], "submission", default=EVERYONE)
runs = frame("runs", suite=suite) if name == EVERYONE else frame("runs", suite=suite, submissions=name)
asked = st.query_params.get("run", "")
run = first(runs[runs["key"] == asked])

heading(
    "Runs", "Every number comes from runs. A run's key is its content: equal keys give equal bytes on one platform."
)
if asked and run is None:
    st.warning("The link asks for a run that is not among these.")
if run:
    document = run_document(run)
    st.subheader(f"Run {prose(asked[:16])}")
    st.json(document, expanded=1)
    st.download_button("Download as JSON", json.dumps(document, indent=2), f"run-{asked[:16]}.json", "application/json")
    st.subheader("Its cells")
    plain(ready(frame("cells", run=asked), CELLS), alt="Cells of the run")
    st.subheader("All runs")
show_runs(runs.head(PAGE), key=f"runs-{asked}")
note(f"{min(len(runs), PAGE):,} of {len(runs):,} runs.")
