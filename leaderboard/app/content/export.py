"""The file of an export as the page offers it: its bytes and its media type."""

from __future__ import annotations

import streamlit as st

from leaderboard.app.source import Stamp, board_of
from leaderboard.export import Request, render

__all__ = ["MIME", "rendered"]

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
