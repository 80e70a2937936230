"""Exports for papers: the same tables and figures as `leakboard export`, with their provenance."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from harness.errors import LeakboardError
from leaderboard.app.content.export import MIME, rendered
from leaderboard.app.escape import prose
from leaderboard.app.source import column, source_option, stamp
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import choose, choose_many
from leaderboard.app.widgets.export import preview
from leaderboard.app.widgets.html import heading
from leaderboard.export.request import FIGURES, FORMS, INTERVALS, TABLES, WIDTHS, Request, command_of, forms_of

with st.sidebar:
    what = choose("Table or figure", [*TABLES, *FIGURES], "what")
    form = choose("Format", forms_of(what), "format")
    suite = filters.choose_suite()
    entry = filters.OVERALL if what == "overall" else filters.choose_entry(suite, overall=True, default=filters.OVERALL)
    names = choose_many("Submissions", sorted(set(column("board", "submission", suite=suite))), "submissions")
    if what in FIGURES:
        width = choose("Width", list(WIDTHS), "width", default="double")
        intervals = INTERVALS[0]
    else:
        width = "double"
        intervals = choose("Intervals", INTERVALS, "intervals")

heading(
    "Export", "Tables and figures for papers. Every file names the records, the suites and the command that made it."
)
request = Request(
    what=what,
    format=form,
    suite=(suite,),
    entry=() if entry == filters.OVERALL else (entry,),
    submission=tuple(names),
    intervals=intervals,
    width=width,
    store=source_option(),
    date=datetime.now(UTC).date().isoformat(),
)
try:
    content = rendered(stamp(), request)
except LeakboardError as error:
    st.info(prose(error))
    st.stop()
file = f"leakboard-{what}{FORMS[form]}"
st.download_button(f"Download {file}", content, file, MIME.get(form, "application/octet-stream"), type="primary")
st.caption("The same on the command line:")
st.code(command_of(request), language=None)
preview(content, form)
