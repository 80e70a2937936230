"""The rules: the definitions behind every column, and what keeps a row honest."""

from __future__ import annotations

import streamlit as st

from leaderboard.app.content.rules import SECTIONS
from leaderboard.app.widgets.html import facts, heading
from leaderboard.queries import FLAGS
from leaderboard.schema import TABLES

heading("Rules", "What is measured, how it becomes one number, and what the flags mean.")
left, right = st.columns([3, 2], gap="large")
with left:
    for title, text in SECTIONS.items():
        st.subheader(title)
        st.markdown(text)
with right:
    st.subheader("Flags")
    facts(dict(FLAGS.values()))
st.subheader("Columns")
for name in ("board", "overall", "attacks", "pairs"):
    with st.expander(f"{TABLES[name].summary}"):
        facts({column.title: column.definition for column in TABLES[name].columns})
