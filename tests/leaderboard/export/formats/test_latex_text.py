"""Escaped text is inert in LaTeX, and plain text stays as it is."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.export.formats.latex_text import ACCENTS, REPLACEMENTS, escape

COMMANDS = re.compile(r"\\(?:[A-Za-z]+|.)")
ALLOWED = {
    command
    for value in [*REPLACEMENTS.values(), *(rf"\{mark}" for mark in ACCENTS.values())]
    for command in COMMANDS.findall(value)
} | {r"\texttt", r"\allowbreak", r"\i", r"\j"}


@given(st.text())
def test_escaped_text_is_inert(text: str) -> None:
    escaped = escape(text)
    assert escaped.isascii()
    bare = COMMANDS.sub("", escaped)
    assert not set(bare) & set("$&#%~^\\"), escaped
    assert bare.count("{") == bare.count("}")
    assert set(COMMANDS.findall(escaped)) <= ALLOWED
    assert "\n" not in escaped and "^^" not in escaped


@given(st.text(st.sampled_from("abc XYZ 123 .,:;/()[]+=*?!@'"), max_size=23))
def test_plain_text_stays(text: str) -> None:
    assert escape(text) == text


def test_letters_of_other_alphabets() -> None:
    assert escape("é Å ł ß ε ≤ –") == r"\'{e} \r{A} \l{} \ss{} \ensuremath{\epsilon} \ensuremath{\leq} --"
    assert escape("漢") == r"\texttt{U+6F22}"
    assert escape("--store") == "-{}-store"
    assert escape("a---b") == "a-{}-{}-b"
