"""Texts of the start page, and the answers that it shows, from the stored results."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from leaderboard.answers.leaks import Leak, undefended_leaks
from leaderboard.answers.numbers import rows_of
from leaderboard.answers.verdicts import Verdict, by_scenario, verdicts
from leaderboard.app.source import Stamp, board_of

__all__ = ["LEAD", "SUBMIT", "TITLE", "answers", "citation"]

TITLE = "How much does a federated language-model system leak, and what does a defense buy?"
LEAD = (
    "leakboard runs a protocol by which parties share knowledge, lets a defense protect what a private party sends, "
    "and attacks every byte that left with attacks that know the defense. This board shows how much privacy each "
    "defense gains, what utility is left and what it costs, with 95 % intervals: at privacy 1 no attack beats a blind "
    "guess, at utility 1 nothing was lost."
)
SUBMIT = "leakboard new my_defense\nleakboard check my_defense\nleakboard evaluate my_defense\nleakboard board"


@st.cache_resource(max_entries=4, show_spinner=False)
def answers(state: Stamp) -> tuple[Mapping[str, list[Verdict]], list[Leak]]:
    """Verdicts by scenario, and what leaks undefended; made once for each state of the board."""
    board = board_of(state)
    rows = rows_of(board.board())
    return by_scenario(verdicts(rows, rows_of(board.table("pairs")))), undefended_leaks(rows_of(board.attacks()), rows)


def citation(meta: Mapping[str, str]) -> str:
    """BibTeX of this board: the software's version, its suites, and the hash of its records."""
    suites = meta.get("suites", "").replace("_", r"\_")
    return (
        "@software{leakboard,\n"
        "  title = {leakboard: how much federated language-model systems leak},\n"
        "  author = {{The leakboard authors}},\n"
        f"  version = {{{meta.get('leakboard', '')}}},\n"
        f"  year = {{{meta.get('built', '')[:4]}}},\n"
        f"  note = {{Suites {suites}; records {meta.get('records_hash', '')[:12]}}}\n"
        "}"
    )
