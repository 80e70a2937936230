"""The board: what each defense gains over the undefended system, of one entry or over all entries of a suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from leaderboard.answers.gains import with_gain
from leaderboard.answers.numbers import rows_of, system
from leaderboard.answers.verdicts import verdict
from leaderboard.app.content.board import (
    ORDERS,
    PAGE,
    VIEWS,
    about,
    download,
    ordered,
    overall_view,
    parted,
    reasons,
    rows_view,
)
from leaderboard.app.drawing.answers import reference_line, row_cards, verdict_line
from leaderboard.app.source import frame
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import address, choose
from leaderboard.app.widgets.html import heading, note
from leaderboard.app.widgets.suite import suite_lead, suite_notes
from leaderboard.app.widgets.table import Link, height_of, pick

if TYPE_CHECKING:
    import pandas as pd

with st.sidebar:
    suite = filters.choose_suite()
    entry = filters.choose_entry(suite, overall=True)
    overall = entry == filters.OVERALL
    if overall:
        rows = filters.named(frame("overall", suite=suite))
    else:
        everything = frame("board", suite=suite, entry=entry)
        least = filters.least_utility()
        every = about(with_gain(everything, frame("pairs", suite=suite, entry=entry), least), frame("submissions"))
        rows = filters.filtered(every)
        with st.expander("Weights of PUE"):
            rows = filters.reweighted(rows, filters.weights())
        rows = ordered(rows, choose("Order by", list(ORDERS), "order"))
        columns = choose("Columns", list(VIEWS), "columns")


def link_of(rows: pd.DataFrame, position: int) -> Link:
    """The page of the defense in a row, and what the row is."""
    row = rows_of(rows.iloc[[position]])[0]
    state = {"submission": row["submission"], "suite": suite, "point": str(row["point"])}
    state |= {} if overall else {"entry": entry}
    return Link("defense", f"Open {system(row)}", state, row.get("about", ""))


def table(rows: pd.DataFrame, key: str) -> None:
    """The rows as a table, the first of them where there are many; on a phone as a list."""
    shown = rows
    if len(rows) > PAGE and not st.toggle(f"Show all {len(rows):,} rows", key=f"all_{key}", bind="query-params"):
        shown = rows.head(PAGE)
    if overall:
        view = overall_view(shown)
    else:
        view = rows_view(shown, columns)
        st.html(row_cards(rows_of(shown.head(PAGE)), address))
    with st.container(key="wide_overall" if overall else f"lb-wide-{key}"):
        pick(view, lambda at: link_of(shown, at), key=f"{key}-{entry}", height=height_of(len(view)), alt="The board")


heading("Board", suite_lead(suite))
if rows.empty:
    st.info("No row fits these filters.")
    st.stop()
if overall:
    table(rows, "board")
else:
    place = verdict(rows_of(everything), rows_of(frame("pairs", suite=suite, entry=entry)), least)
    st.html(verdict_line(place))
    bare = rows_of(parted(every)[0])
    if bare:
        st.html(reference_line(bare[0], address))
    _, ranked, others = parted(rows)
    if len(ranked):
        table(ranked, "board")
    else:
        note("No defense has a rank here; why is said below.")
    if len(others):
        count = f"{len(others)} row{'s' * (len(others) != 1)} without a rank"
        why = "; ".join(f"{reason} ({number})" for reason, number in reasons(others))
        with st.expander(f"{count}: {why}", expanded=ranked.empty):
            table(others, "others")
    stability = ranked["rank_stability"].dropna()
    if len(stability):
        note(
            f"Order of the ranked rows on two random halves of the records: rank correlation {stability.iloc[0]:.2f} "
            "(1: always the same, 0: no more than chance). Places are those of 95 % of resamples; rows of one group do "
            "not differ significantly."
        )
    st.download_button("Download these rows as CSV", download(rows), f"leakboard-{suite}-{entry}.csv", "text/csv")
note("Hover over a column's title for its definition. Intervals are 95 %.")
suite_notes(suite, rows)
