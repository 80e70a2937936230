"""Bibliography entries: made from sources, taken from manifests only where they are harmless."""

from __future__ import annotations

import pytest

from leaderboard.export.formats.bibtex import entry, trusted

GOOD = "@inproceedings{dong2024,\n  title = {A {B} of \\'e},\n  year = 2024,\n}"


def test_sources_in_words_become_entries() -> None:
    latex = entry("key", "Title", "Dettmers, Lewis, Belkada and Zettlemoyer (2022), LLM.int8(), section 2", (), "note")
    assert "author = {Dettmers and Lewis and Belkada and Zettlemoyer}" in latex
    assert "title = {{LLM.int8()}}" in latex and "year = {2022}" in latex and "note = {section 2; note}" in latex
    assert "author = {Yuen and others}" in entry("k", "T", "Yuen et al. (2021), Title", (), "n")
    plain = entry("k", "No defense", "The reference row; no paper.", ("leakboard",), "n")
    assert "title = {{No defense}}" in plain and "The reference row; no paper.; n" in plain


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
    bibtex = trusted(GOOD, "submission:x")
    assert bibtex.startswith("@inproceedings{submission:x,\n") and "A {B} of \\'e" in bibtex and bibtex.endswith("}\n")
