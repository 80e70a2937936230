"""The app in a real browser: a server on a free port, and what a test reads from a page."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leaderboard.app.launch import command, environment

__all__ = ["INSTALL", "PATIENCE", "chromium", "rows", "rows_when", "select_row", "served", "settled", "visit"]

INSTALL = "no Chromium on this machine: install it with `apt-get install chromium`"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_HEADER, _ROW = 32, 32

PATIENCE = 300_000
"""Milliseconds until a wait in the browser fails: for the busiest machine, since only a failure takes that long."""


def chromium() -> str | None:
    """Path of an installed Chromium, or None."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@contextmanager
def served(board: Path, log: Path) -> Iterator[str]:
    """The app's address while it runs on ``board``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as out:
        server = subprocess.Popen(
            command(port), env=environment(board, "leakboard.duckdb"), stdout=out, stderr=subprocess.STDOUT
        )
        try:
            _wait(server, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=300)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(1500):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.2)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def visit(page: Any, address: str) -> Any:
    """Open an address and wait until the page is drawn."""
    page.goto(address)
    page.wait_for_selector(".lb-title, [data-testid=stAlert]", timeout=PATIENCE)
    return settled(page)


def settled(page: Any) -> Any:
    """Wait until the server has nothing more to send, and the tables are painted."""
    page.wait_for_function(
        "!document.querySelector('[data-test-script-state=running]') && !document.querySelector('[data-stale=true]')",
        timeout=PATIENCE,
    )
    page.wait_for_timeout(600)
    return page


def rows(page: Any, index: int = 0) -> list[list[str]]:
    """The cells of a table that are on screen, as the accessibility tree has them."""
    frame = page.locator("[data-testid=stDataFrame]").nth(index)
    frame.locator("[role=gridcell]").first.wait_for(state="attached", timeout=PATIENCE)
    texts = frame.evaluate(
        "table => [...table.querySelectorAll('[role=row]')].map("
        "row => [...row.querySelectorAll('[role=gridcell]')].map(cell => cell.innerText))"
    )
    return [row for row in texts if row]


def rows_when(page: Any, fits: Callable[[list[list[str]]], bool]) -> list[list[str]]:
    """The rows of the first table as soon as they fit; the server may still be working on the last click."""
    for _ in range(1500):
        texts = rows(page)
        if fits(texts):
            return texts
        page.wait_for_timeout(200)
    raise AssertionError(f"the table never fitted; it shows {texts}")


def select_row(page: Any, row: int, index: int = 0) -> Any:
    """Click into the ``row``-th line of a table until the link to its page appears, and return that link: a table that
    is not painted yet takes no click."""
    link = page.locator("[data-testid=stPageLink] a", has_text="Open ")
    for attempt in range(PATIENCE // 100):
        if attempt % 50 == 0:
            box = page.locator("[data-testid=stDataFrame] canvas").nth(index).bounding_box()
            page.mouse.click(box["x"] + 150, box["y"] + _HEADER + _ROW * row + _ROW / 2)
        page.wait_for_timeout(100)
        if link.count():
            return link.first
    raise AssertionError(f"no click on line {row} brought a link")
