"""Two or more operating points side by side, with paired differences on the records they share."""

from __future__ import annotations

import streamlit as st

from leaderboard.app.content.compare import MEASURES, SIDE, differences, options, sensible, side_by_side
from leaderboard.app.content.table import ready
from leaderboard.app.drawing.forest import difference_chart
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import choose, choose_many
from leaderboard.app.widgets.html import heading, note
from leaderboard.app.widgets.suite import flag_legend
from leaderboard.app.widgets.table import defense_link, pick, plain
from leaderboard.schema import COLUMNS

LIMIT = 6

left, middle, right = st.columns(3)
with left:
    suite = filters.choose_suite()
with middle:
    entry = filters.choose_entry(suite, overall=True)
with right:
    measure = choose("Measure", MEASURES, "measure", show=lambda name: COLUMNS[name][0])
names = choose_many(
    "Operating points",
    options(suite),
    "points",
    "submission#point; two or more",
    limit=LIMIT,
    empty="Choose two or more",
    default=sensible(suite, None if entry == filters.OVERALL else entry),
)

heading("Compare", "Differences are paired: both systems hold the same secrets, record by record and seed by seed.")
if len(names) < 2:
    st.info("Choose two or more operating points above.")
    st.stop()

rows = side_by_side(suite, names)
rows = rows if entry == filters.OVERALL else rows[rows["entry"] == entry]
pick(ready(rows, SIDE), lambda at: defense_link(rows, at), key=f"compare-{entry}", alt="Chosen rows side by side")
flag_legend({flag for flags in rows["flags"] for flag in flags})

st.subheader(f"Paired differences: {COLUMNS[measure][0]}")
pairs = differences(suite, None if entry == filters.OVERALL else entry, names, measure)
known = pairs.dropna(subset=["difference"])
if known.empty:
    st.info("These rows share no records on which both have a result, so no difference can be measured.")
else:
    st.altair_chart(difference_chart(known), alt="Paired differences with 95 % intervals")
    plain(ready(pairs, ("entry", "lane", "difference", "low", "high", "p", "p_holm", "n")), alt="Paired differences")
    note("p-values are two-sided; p (Holm) is corrected over all pairs of the entry and measure, not only those shown.")
