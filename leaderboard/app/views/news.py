"""News: suites and their versions, new rows, refuted claims, with an Atom file to subscribe to."""

from __future__ import annotations

import streamlit as st

from leaderboard.answers.news import atom, events
from leaderboard.answers.numbers import rows_of
from leaderboard.app.drawing.answers import news_list
from leaderboard.app.source import frame
from leaderboard.app.widgets.choices import address
from leaderboard.app.widgets.html import heading, note

heading("News", "What changed on this board: suites and their versions, new rows, refuted claims.")
items = events(rows_of(frame("runs")), rows_of(frame("board")), rows_of(frame("suites")))
st.html(news_list(items, address))
st.download_button("Download as Atom feed", atom(items), "leakboard.atom", "application/atom+xml")
note(
    "Days are those of the newest run behind each item. `leakboard board --export` writes the same feed for a web site."
)
