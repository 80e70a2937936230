"""Boards that exports are made from, by name, and requests with a fixed date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leaderboard.export import Request
from leaderboard.queries import Board, open_board
from tests.stand_ins.large_board import big_board


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory, kept_open: Callable[[Path], Path]) -> Path:
    """Rows for several pages: 60 submissions with 5 points on 2 entries."""
    path = tmp_path_factory.mktemp("large") / "large.board.duckdb"
    return kept_open(big_board(path, submissions=60, entries=2, attacks=2, seeds=1))


@pytest.fixture
def board(request: pytest.FixtureRequest) -> Callable[[str], Board]:
    """A board by its name in :data:`tests.stand_ins.stored_results.BOARDS`."""
    return lambda name: open_board(request.getfixturevalue(name))


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Requests of one day, so that their bytes repeat."""

    def make(what: str = "board", form: str = "latex", **options: Any) -> Request:
        return Request(what, form, date="2026-01-02", **options)

    return make
