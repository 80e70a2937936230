"""The start: what this is, a verdict per scenario from the stored results, what leaks undefended, what to do next."""

from __future__ import annotations

import streamlit as st

from leaderboard.answers.words import LEAD, SUBMIT, TITLE, citation
from leaderboard.app.content.start import answers
from leaderboard.app.drawing.answers import leak_bars, scenario_cards
from leaderboard.app.source import facts_about, frame, stamp
from leaderboard.app.widgets.choices import address, switch
from leaderboard.app.widgets.html import heading, note

if "suite" in st.query_params or "entry" in st.query_params:  # links from when the board was the first page
    switch("board", **{name: st.query_params.get_all(name) for name in st.query_params})

grouped, leaks = answers(stamp())
cards = frame("scenarios")
heading(TITLE, LEAD)
left, right, _ = st.columns([1, 1, 2])
left.page_link("views/choose.py", label="Help me choose a defense", icon=":material/checklist:")
right.page_link("views/board.py", label="Open the board", icon=":material/table_rows:")

st.subheader("What helps")
note(
    "Made from the results on this board. A defense helps where it keeps utility of at least 0.9 with its whole 95 % "
    "interval and gains privacy significantly, corrected over all pairs of rows."
)
st.html(scenario_cards(grouped, dict(zip(cards["scenario"], cards["summary"], strict=True)), address))

st.subheader("What leaks without a defense")
note(
    "The strongest attack of each adversary on the undefended system, in the attack's own score from 0 to 1. The bar "
    "is its score with the 95 % interval, the line across it the best blind guess with the same background knowledge."
)
st.html(leak_bars(leaks, address) if leaks else "<p>No attack has a result on an undefended system here.</p>")

submit, cite = st.columns(2, gap="large")
with submit:
    st.subheader("Measure your own defense")
    st.code(SUBMIT, language=None)
    note("A defense is a class with one method; the check tries it in seconds and names every problem.")
with cite:
    st.subheader("Cite")
    st.code(citation(facts_about()), language=None)
    note("Name the suites with their versions: numbers compare within one version only. Exports carry the same facts.")
