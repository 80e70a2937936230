"""Texts and numbers: escaping, alignment, bibliography entries."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.export import numbers
from leaderboard.export.bib import safe_key
from leaderboard.export.bibtex import entry, trusted
from leaderboard.export.latex_text import _ACCENTS, _TABLE, escape
from leaderboard.export.notes import Notes

COMMANDS = re.compile(r"\\(?:[A-Za-z]+|.)")
ALLOWED = {command for value in [*_TABLE.values(), *(rf"\{mark}" for mark in _ACCENTS.values())]
           for command in COMMANDS.findall(value)} | {r"\texttt", r"\allowbreak", r"\i", r"\j"}  # fmt: skip


@given(st.text())
def test_escaped_text_is_inert(text: str) -> None:
    made = escape(text)
    assert made.isascii()
    bare = COMMANDS.sub("", made)
    assert not set(bare) & set("$&#%~^\\"), made
    assert bare.count("{") == bare.count("}")
    assert set(COMMANDS.findall(made)) <= ALLOWED
    assert "\n" not in made and "^^" not in made


@given(st.text(st.sampled_from("abc XYZ 123 .,:;/()[]+=*?!@'"), max_size=23))
def test_plain_text_stays(text: str) -> None:
    assert escape(text) == text


def test_letters_of_other_alphabets() -> None:
    assert escape("é Å ł ß ε ≤ –") == r"\'{e} \r{A} \l{} \ss{} \ensuremath{\epsilon} \ensuremath{\leq} --"
    assert escape("漢") == r"\texttt{U+6F22}"
    assert escape("--store") == "-{}-store"
    assert escape("a---b") == "a-{}-{}-b"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32)), st.integers(1, 6))
def test_many_numbers_read_as_each_does(values: list[float], digits: int) -> None:
    assert numbers.decimals(values, digits) == [numbers.decimal(value, digits) for value in values]


@given(st.floats(-1e6, 1e6), st.integers(1, 6))
def test_decimals_align_and_have_no_negative_zero(value: float, digits: int) -> None:
    text = numbers.decimal(value, digits)
    assert len(text.partition(".")[2]) == digits
    assert float(text) == pytest.approx(value, abs=0.51 * 10**-digits)
    assert not (text.startswith("-") and float(text) == 0)


def test_missing_numbers() -> None:
    assert numbers.decimal(None, 2) == numbers.decimal(math.nan, 2) == numbers.decimal(math.inf, 2) == "n/a"
    assert numbers.intervals([0.1, math.nan], [0.2, 0.3], 1) == [("0.1", "0.2"), None]
    assert numbers.whole([3, None, 2.0]) == ["3", "n/a", "2"]
    assert numbers.p_value([0.0001, 0.25, math.nan]) == ["< 0.001", "0.250", "n/a"]


def test_prefixes() -> None:
    assert numbers.prefixed([2.5e9, 1e8, math.nan]) == (["2.5", "0.1", "n/a"], "G")
    assert numbers.prefixed([12.0]) == (["12.0"], "")
    assert numbers.prefixed([]) == ([], "")


def test_notes_number_in_letters() -> None:
    notes = Notes()
    assert [notes.letter(str(number)) for number in range(28)][-3:] == ["z", "aa", "ab"]
    assert notes.letter("3") == "d"
    assert Notes().row((), "ok", None) == "–"
    fresh = Notes()
    assert fresh.row(("small_n",), "void", "control failed") == "a, b"
    assert fresh.all[1] == ("b", "void: control failed")


def test_sources_in_words_become_entries() -> None:
    made = entry("key", "Title", "Dettmers, Lewis, Belkada and Zettlemoyer (2022), LLM.int8(), section 2", (), "note")
    assert "author = {Dettmers and Lewis and Belkada and Zettlemoyer}" in made
    assert "title = {{LLM.int8()}}" in made and "year = {2022}" in made and "note = {section 2; note}" in made
    assert "author = {Yuen and others}" in entry("k", "T", "Yuen et al. (2021), Title", (), "n")
    plain = entry("k", "No defense", "The reference row; no paper.", ("leakboard",), "n")
    assert "title = {{No defense}}" in plain and "The reference row; no paper.; n" in plain


GOOD = "@inproceedings{dong2024,\n  title = {A {B} of \\'e},\n  year = 2024,\n}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no entry",
        '@preamble{key, "\\input{x}"}',
        "@misc{a, title={\\input{/etc/passwd}}}",
        "@misc{a, title={\\write18{rm}}}",
        "@misc{a, title={^^5cinput}}",
        "@misc{a, title={x}} @misc{b, title={y}}",
        "@misc{a, title={x}",
        "@misc{a, title={x}}}",
    ],
)
def test_entries_that_are_not_taken(text: str) -> None:
    assert trusted(text, "key") == ""


def test_entries_that_are_taken_get_the_key() -> None:
    made = trusted(GOOD, "submission:x")
    assert made.startswith("@inproceedings{submission:x,\n") and "A {B} of \\'e" in made and made.endswith("}\n")


@given(st.text())
def test_keys_end_no_command(text: str) -> None:
    assert not set(safe_key(text)) & set("{},\\%#~ \n")
