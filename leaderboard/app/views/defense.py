"""One defense: its card, claims beside measurements, every attack on it, evidence, and its runs."""

from __future__ import annotations

import streamlit as st

from leaderboard.app.content.defense import LANES, SCORES, forest_rows, point_labels, run_first, strongest_title
from leaderboard.app.content.table import ready, with_aggregate
from leaderboard.app.drawing.forest import forest_chart
from leaderboard.app.escape import prose
from leaderboard.app.source import column, first, frame
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import choose
from leaderboard.app.widgets.defense import (
    by_class_size,
    manifest,
    measured_claims,
    never_ranked,
    proved_bounds,
    state_chips,
    who_falls,
)
from leaderboard.app.widgets.examples import show_examples
from leaderboard.app.widgets.html import heading, note
from leaderboard.app.widgets.runs import show_runs
from leaderboard.app.widgets.suite import flag_legend
from leaderboard.app.widgets.table import columns_of

left, middle, right, last = st.columns(4)
with left:
    suite = filters.choose_suite()
with middle:
    entry = filters.choose_entry(suite)
with right:
    known = sorted({*column("submissions", "submission"), *column("board", "submission")})
    names = run_first(column("board", "submission", suite=suite, entry=entry), known)
    name = choose("Submission", names, "submission", help="Those with results on the entry come first, by rank.")
rows = frame("board", suite=suite, submissions=name).sort_values(["entry", "point"])
here = rows[rows["entry"] == entry]
labels = point_labels(here)
with last:
    point = choose("Operating point", list(labels), "point", show=lambda index: labels[index]) if labels else ""

card = first(frame("submissions", names=name))
title = card["title"] if card else None
heading(f"{title} ({name})" if title and title != name else name, (card or {}).get("summary") or "")
if card:
    state_chips(here, card, entry)
    who, claims = st.columns(2, gap="large")
    with who:
        st.subheader("Manifest")
        manifest(card)
    with claims:
        st.subheader("Reported against measured")
        measured_claims(card, rows)
        proved_bounds(frame("bounds", suite=suite, entry=entry, submissions=name), point)

st.subheader("Scores", help="Every entry and operating point of the suite.")
if rows.empty:
    st.info("There are no results of this submission on this suite.")
    st.stop()
shown = ready(rows, with_aggregate(rows, SCORES))
st.dataframe(shown, hide_index=True, column_config=columns_of(shown), row_height=32, placeholder="n/a", alt="Scores")
flag_legend({flag for flags in rows["flags"] for flag in flags})

st.subheader(f"Attacks on {prose(entry)}")
attacks = frame("attacks", suite=suite, entry=entry, submissions=name)
selected = attacks[attacks["point"].astype(str) == point]
bare = frame("attacks", suite=suite, entry=entry, submissions="none")
forest = forest_rows(selected, bare.iloc[0:0] if name == "none" else bare)
if forest.empty:
    note("No attack on this operating point has a result here; its status above says why.")
else:
    st.altair_chart(forest_chart(forest), alt="Advantage of each attack with its 95 % interval")
    if selected["advantage"].notna().sum() > LANES:
        note(f"The {LANES} strongest are drawn.")

who_falls(
    frame("exposed", suite=suite, entry=entry, submissions=name),
    frame("overlap", suite=suite, entry=entry, submissions=name),
    point,
)

by_class_size(frame("strata", suite=suite, entry=entry, submissions=name), point)

never_ranked(frame("diagnostics", suite=suite, entry=entry, submissions=name), point)

st.subheader("Evidence")
show_examples(suite, entry, name, point, first=strongest_title(selected))

st.subheader("Runs")
runs = frame("runs", suite=suite, entry=entry, submissions=name)
show_runs(runs[runs["point"].astype(str) == point], key=f"defense-{name}-{entry}-{point}")
