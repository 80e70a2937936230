"""Small pieces of HTML that the pages share. Every value is escaped here, so pages pass plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from leaderboard.app.escape import hypertext

__all__ = ["STYLE", "card", "chips", "definitions", "facts", "heading", "note", "paragraphs", "style"]

STYLE = """
<style>
[data-testid="stMainBlockContainer"] {padding: 4.2rem 2rem 3rem 2rem; max-width: 1500px}
[data-testid="stSidebarUserContent"] {padding-top: .5rem}
.lb-title {font-size: 1.7rem; font-weight: 600; line-height: 1.25; margin: 0 0 .15rem 0; overflow-wrap: anywhere}
.lb-lead {color: #46525f; margin: 0 0 .4rem 0; max-width: 62rem; overflow-wrap: anywhere}
.lb-facts {display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1.2rem; margin: .2rem 0 .6rem 0 !important; padding: 0 !important}
.lb-facts dt {color: #5b6670; font-size: .88rem; padding: .05rem 0 0 0 !important; margin: 0 !important}
.lb-facts dd {margin: 0 !important; padding: 0 !important; overflow-wrap: anywhere}
.lb-chip {display: inline-block; padding: .05rem .5rem; margin: 0 .3rem .3rem 0; border-radius: .6rem; font-size: .82rem;
  background: #eef1f4; color: #2c3846; border: 1px solid #dfe4ea}
.lb-chip.good {background: #e6f4ee; border-color: #bfe0d0; color: #0b5a3f}
.lb-chip.bad {background: #fdece6; border-color: #f3c9b8; color: #8a3210}
.lb-chip.warn {background: #fdf5dd; border-color: #ecdca3; color: #6a5206}
.lb-text {font-family: "Source Code Pro", monospace; font-size: .86rem; line-height: 1.75; border: 1px solid #dfe4ea;
  border-radius: .3rem; padding: .45rem .7rem; overflow-wrap: anywhere; background: #fff}
.lb-text .hit {background: #fbd9c9; border-bottom: 2px solid #d55e00; border-radius: .15rem; padding: 0 .1rem}
.lb-text .miss {color: #7a8590}
.lb-legend {color: #5b6670; font-size: .86rem}
</style>
"""


def style() -> None:
    """Put the style sheet into the page; once per run."""
    st.html(STYLE)


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
