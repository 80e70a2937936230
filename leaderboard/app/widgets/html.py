"""Small pieces of HTML that the pages share; every value is escaped here, so pages pass plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import streamlit as st

from leaderboard.app.escape import hypertext

__all__ = ["card", "chips", "definitions", "facts", "heading", "note", "one_press_of_back", "paragraphs", "style"]


def style() -> None:
    """Put the style sheet into the page; once per run."""
    st.html(Path(__file__).parents[1] / "style.css")


_BACK = """<script type="text/javascript">
if (!history.leakboard) {
  history.leakboard = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) =>
    url != null && new URL(url, location.href).pathname === location.pathname
      ? history.replaceState(state, title, url)
      : push(state, title, url);
}
</script>"""
"""Makes a choice on a page replace the page's address: pages write their defaults into it, and each would be a step."""


def one_press_of_back() -> None:
    """Let Back leave a page at once, whatever was chosen on it."""
    st.html(_BACK, unsafe_allow_javascript=True)


def heading(title: object, lead: object = "") -> None:
    """The page's title and one sentence under it."""
    below = f'<p class="lb-lead">{hypertext(lead)}</p>' if lead else ""
    st.html(f'<h1 class="lb-title">{hypertext(title)}</h1>{below}')


def note(text: object) -> None:
    """A quiet line of explanation."""
    st.html(f'<p class="lb-legend">{hypertext(text)}</p>')


def paragraphs(text: object) -> None:
    """Running text; empty lines separate paragraphs."""
    parts = [part for part in str(text or "").split("\n\n") if part.strip()]
    st.html("".join(f"<p>{hypertext(part)}</p>" for part in parts) or "<p>n/a</p>")


def facts(pairs: Mapping[str, object]) -> None:
    """A two-column list of names and values; values that are empty read ``n/a``."""
    rows = "".join(
        f"<dt>{hypertext(name)}</dt><dd>{hypertext(value if value not in (None, '') else 'n/a')}</dd>"
        for name, value in pairs.items()
    )
    st.html(f'<dl class="lb-facts">{rows}</dl>')


def chips(labels: Iterable[tuple[object, str, object]]) -> None:
    """Small labels in a row: (text, ``good`` | ``bad`` | ``warn`` | empty, tooltip)."""
    spans = [
        f'<span class="lb-chip {hypertext(tone)}" title="{hypertext(tip)}">{hypertext(text)}</span>'
        for text, tone, tip in labels
    ]
    if spans:
        st.html("".join(spans))


def definitions(title: str, pairs: Mapping[str, object]) -> None:
    """A closed section with names and what they mean."""
    with st.expander(title):
        facts(pairs)


def card(title: object, pairs: Mapping[str, object]) -> None:
    """A bordered box of facts."""
    with st.container(border=True):
        st.html(f"<strong>{hypertext(title)}</strong>")
        facts(pairs)
