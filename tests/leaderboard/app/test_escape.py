"""Text from submissions stays text, in Markdown and in HTML."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.app.escape import hypertext, prose, safe_link

NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://example.org/pixel.png)",
    "**bold** _it_ `code` ~~gone~~",
    "$\\int x$ and $$y$$",
    ":red[alarm] :material/home: :smile:",
    "| a | b |\n|---|---|",
    "# title\n- list\n1. one\n> quote",
    "&lt;b&gt; &amp;",
]


@pytest.mark.parametrize("text", NASTY)
def test_markdown_keeps_no_syntax(text: str) -> None:
    shown = re.sub(r"&#\d+;", "", prose(text))
    assert not re.search(r"[<>\[\]()*_`~$:|#!\\&]", shown)


@given(st.text(st.characters(exclude_characters="\u2060", exclude_categories=["Cs"])))
def test_markdown_shows_the_same_words(text: str) -> None:
    shown = html.unescape(prose(text)).replace("\u2060", "")
    assert shown == " ".join(text.split())


@pytest.mark.parametrize("text", NASTY)
def test_html_keeps_no_element(text: str) -> None:
    assert not re.search(r"[<>\"']", hypertext(text))
    assert html.unescape(hypertext(text)) == text


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://example.org/paper", True),
        ("http://example.org/a?b=c", True),
        ("javascript:alert(1)", False),
        ("data:text/html,<script>", False),
        ('https://example.org/"onmouseover="x', False),
        ("ftp://example.org", False),
        (None, False),
        ("", False),
    ],
)
def test_only_web_addresses_become_links(address: str | None, safe: bool) -> None:
    assert (safe_link(address) is not None) is safe
