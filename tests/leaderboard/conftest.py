"""Boards that several test files look at; built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.leaderboard.make import empty_board, ragged_board, tiny_board


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six rows on two entries."""
    return tiny_board(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def ragged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What goes wrong."""
    return ragged_board(tmp_path_factory.mktemp("ragged"))


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No record."""
    return empty_board(tmp_path_factory.mktemp("empty"))
