"""Answers of the start page, from the stored results."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from leaderboard.answers.leaks import Leak, undefended_leaks
from leaderboard.answers.numbers import rows_of
from leaderboard.answers.verdicts import Verdict, by_scenario, verdicts
from leaderboard.app.source import Stamp, board_of

__all__ = ["answers"]


@st.cache_resource(max_entries=4, show_spinner=False)
def answers(state: Stamp) -> tuple[Mapping[str, list[Verdict]], list[Leak]]:
    """Verdicts by scenario, and what leaks undefended; made once for each state of the board."""
    board = board_of(state)
    rows = rows_of(board.board())
    return by_scenario(verdicts(rows, rows_of(board.table("pairs")))), undefended_leaks(rows_of(board.attacks()), rows)
