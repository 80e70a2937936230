"""Boards for the page tests, made by the real builder, and the app on one of them without a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from leaderboard.app.launch import BOARD_VARIABLE
from tests.stand_ins import stored_results
from tests.stand_ins.large_board import big_board

Open = Callable[..., Any]
MAKERS: dict[str, Callable[[Path], Path]] = {
    "empty": stored_results.empty_board,
    "tiny": stored_results.tiny_board,
    "ragged": stored_results.ragged_board,
    "big": lambda folder: big_board(folder / "big.board.duckdb", submissions=300, entries=3, attacks=8, seeds=2),
}
MAIN = Path(__file__).resolve().parents[3] / "leaderboard" / "app" / "main.py"


@pytest.fixture(scope="session")
def boards(tmp_path_factory: pytest.TempPathFactory, kept_open: Callable[[Path], Path]) -> Callable[[str], Path]:
    """Board by name (``empty``, ``tiny``, ``ragged``, ``big``), built when first asked for."""
    built: dict[str, Path] = {}

    def board(name: str) -> Path:
        if name not in built:
            folder = tmp_path_factory.mktemp(name)
            built[name] = kept_open(MAKERS[name](folder))
        return built[name]

    return board


@pytest.fixture(scope="session")
def _components_scanned_once() -> Iterator[None]:
    """Every app that starts reads what all installed packages say of themselves, in search of components: once here."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def open_page(_components_scanned_once: None, boards: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Open:
    """Runs one page of the app on a board with query parameters; returns Streamlit's AppTest."""
    from streamlit.testing.v1 import AppTest

    # Streamlit makes the script that it runs the main module, which processes that later tests start would run again.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def visit(board: str | Path, page: str = "board", **query: str | list[str]) -> Any:
        path = board if isinstance(board, Path) else boards(board)
        monkeypatch.setenv(BOARD_VARIABLE, str(path))
        app = AppTest.from_file(str(MAIN), default_timeout=300)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run() if page == "start" else app.switch_page(f"views/{page}.py").run()

    return visit
