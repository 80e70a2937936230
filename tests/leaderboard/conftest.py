"""Boards that several test files look at; built once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from leaderboard.queries import Board
from tests.stand_ins.stored_results import empty_board, ragged_board, tiny_board


@pytest.fixture(scope="session")
def kept_open() -> Iterator[Callable[[Path], Path]]:
    """Holds a connection to a board until the session ends: every read of a table opens one more, which takes 20 ms of
    a core where it is the only one to that file, and next to nothing otherwise."""
    with ExitStack() as stack:

        def keep(path: Path) -> Path:
            stack.enter_context(Board(path).connect())
            return path

        yield keep


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, kept_open: Callable[[Path], Path]) -> Path:
    """Six rows on two entries."""
    return kept_open(tiny_board(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="session")
def ragged(tmp_path_factory: pytest.TempPathFactory, kept_open: Callable[[Path], Path]) -> Path:
    """Void, failed and missing results."""
    return kept_open(ragged_board(tmp_path_factory.mktemp("ragged")))


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory, kept_open: Callable[[Path], Path]) -> Path:
    """No record."""
    return kept_open(empty_board(tmp_path_factory.mktemp("empty")))
