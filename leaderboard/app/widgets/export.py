"""The preview of an export."""

from __future__ import annotations

import streamlit as st

from leaderboard.export import FORMS

__all__ = ["LINES", "preview"]

LINES = 60
"""Lines of text in a preview."""


def preview(content: bytes, form: str) -> None:
    """Show the beginning of a text, or the whole picture."""
    if form in ("png", "svg"):
        st.image(content if form == "png" else content.decode(), width="content")
    elif form in ("pdf", "parquet"):
        st.caption(f"{len(content):,} bytes; {FORMS[form]} files have no preview here.")
    else:
        lines = content.decode().splitlines()
        st.code("\n".join(lines[:LINES]), language=None)
        if len(lines) > LINES:
            st.caption(f"The first {LINES} of {len(lines):,} lines.")
