"""The export page's work: a request from the choices made, its bytes, and a preview."""

from __future__ import annotations

import streamlit as st

from leaderboard.app.source import Stamp, board_of
from leaderboard.export import FORMS, Request, render

__all__ = ["LINES", "MIME", "preview", "rendered"]

LINES = 60
"""Lines of text in a preview."""
MIME = {
    "html": "text/html",
    "csv": "text/csv",
    "markdown": "text/markdown",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
}


@st.cache_resource(max_entries=16, show_spinner=False)
def rendered(state: Stamp, request: Request) -> bytes:
    """The file's bytes; made once for each state of the board and request."""
    return render(board_of(state), request)


def preview(content: bytes, form: str) -> None:
    """Show the beginning of a text, or the whole picture."""
    if form in ("png", "svg"):
        st.image(content if form == "png" else content.decode(), width="content")
    elif form in ("pdf", "parquet"):
        st.caption(f"{len(content):,} bytes; {FORMS[form]} files have no preview here.")
    else:
        lines = content.decode().splitlines()
        st.code("\n".join(lines[:LINES]), language={"latex": "latex", "html": "html", "markdown": "markdown"}.get(form))
        if len(lines) > LINES:
            st.caption(f"The first {LINES} of {len(lines):,} lines.")
