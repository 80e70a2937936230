"""Panels, and the series that stand out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from harness.errors import LeakboardError
from leaderboard.export import Request
from leaderboard.export.figures.panels import grid, leading, panels
from leaderboard.export.figures.style import COLOURS, MARKERS
from leaderboard.export.frames import requested_rows
from leaderboard.queries import Board


def test_the_undefended_system_leads(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    frame = requested_rows(board("large"), ask(), "board")
    keys = leading(frame, ["submission", "point"], 7)
    assert len(keys) == len(set(keys)) == 7
    assert keys[0][0] == "none" and keys == sorted(keys, key=lambda key: [k[0] for k in keys].index(key[0]))


def test_too_much_for_one_figure(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    frame = requested_rows(board("large"), ask(), "board")
    frame["entry"] = [f"e{row % 13}" for row in range(len(frame))]
    with pytest.raises(LeakboardError, match="13 suite entries are too many"):
        panels(board("large"), frame)


def test_looks_differ() -> None:
    assert len(set(COLOURS)) == len(set(MARKERS)) == len(COLOURS)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in COLOURS)
    assert [grid(count, 6.75) for count in (0, 1, 2, 3, 4, 5)] == [(1, 1), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3)]
    assert grid(3, 3.25) == (3, 1)
