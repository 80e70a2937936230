"""Launcher of the app: builds the board where it is stale, serves it on this machine only, and keeps it fresh."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from harness.errors import LeakboardError

__all__ = ["BOARD_VARIABLE", "SOURCE_VARIABLE", "command", "environment", "export_site", "refreshed", "run", "serve"]

BOARD_VARIABLE = "LEAKBOARD_BOARD"
"""Environment variable by which the server's pages learn where the board database is."""
SOURCE_VARIABLE = "LEAKBOARD_BOARD_SOURCE"
"""Environment variable: the store or folder of records of this call, which exports name in their provenance."""
ADDRESS = "127.0.0.1"
REFRESH_SECONDS = 5.0
"""Seconds between two looks at the records while the server runs."""

_HERE = Path(__file__).resolve().parent


def run(
    store: Path | None,
    results: Path | None,
    port: int = 8501,
    *,
    open_browser: bool = False,
    host: str = ADDRESS,
) -> int:
    """Serve the board of ``store`` or of the shipped ``results`` at ``http://host:port`` until Ctrl-C.

    While it runs, records that an evaluation adds are picked up within seconds.

    Args:
        store: database whose portable files are shown together with the shipped results; None: ``leakboard.duckdb``.
        results: folder of records to show instead.
        port: TCP port on this machine.
        open_browser: open the page in the user's browser.
        host: address to listen on; any but this machine's own shows the board, private texts where licences allow
            them among it, to whoever reaches it.

    Returns:
        Exit status of the server; 0 after Ctrl-C.

    Raises:
        LeakboardError: there are no readable records, or the port is taken.
    """
    from leaderboard.build import current_board, default_sources
    from leaderboard.build.progress import printed
    from leaderboard.queries import board_path

    _refuse_taken(port, host)
    place = results or store or Path("leakboard.duckdb")
    paths = [results] if results else default_sources(place)
    board = current_board(paths, board_path(place), say=printed(), jobs=min(4, os.cpu_count() or 1))
    print(f"leakboard: http://{host}:{port} shows {board} (Ctrl-C stops it)", flush=True)
    if host != ADDRESS:
        print(f"leakboard: everybody who reaches {host}:{port} sees the board; it asks for no password", flush=True)
    return serve(
        board, port, lambda: current_board(paths, board), source=str(place), open_browser=open_browser, host=host
    )


def export_site(store: Path | None, results: Path | None, folder: Path) -> int:
    """Write the board of ``store`` or of ``results`` as plain pages to ``folder``; returns the number of files.

    Raises:
        LeakboardError: there are no readable records, or the folder holds something else.
    """
    from leaderboard.app.site import write_site
    from leaderboard.build import current_board, default_sources
    from leaderboard.build.progress import printed
    from leaderboard.queries import board_path, open_board

    place = results or store or Path("leakboard.duckdb")
    paths = [results] if results else default_sources(place)
    board = current_board(paths, board_path(place), say=printed(), jobs=min(4, os.cpu_count() or 1))
    return len(write_site(open_board(board), folder, lambda text: print(f"leakboard: {text}", file=sys.stderr)))


def serve(
    board: Path,
    port: int,
    refresh: Callable[[], object],
    *,
    source: str = "",
    open_browser: bool = False,
    host: str = ADDRESS,
) -> int:
    """Run the server on an existing board database; ``refresh`` is called every few seconds."""
    signal.signal(signal.SIGTERM, _end)
    child = subprocess.Popen(command(port, open_browser, host), env=environment(board, source))
    try:
        return _watch(child, refresh)
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(child)


def command(port: int, open_browser: bool = False, host: str = ADDRESS) -> list[str]:
    """The server's command line: this machine's address unless another is given, no telemetry, no file watcher."""
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": str(not open_browser).lower(),
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorLinks": "false",
        "theme.base": str(_HERE / "theme.toml"),
        "logger.level": "warning",
        "logger.hideWelcomeMessage": "true",
    }
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(_HERE / "main.py"), *given]


def environment(board: Path, source: str) -> dict[str, str]:
    """This process's environment, with what the pages need and this checkout importable."""
    root = str(_HERE.parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    return {**os.environ, "PYTHONPATH": path, BOARD_VARIABLE: str(board.resolve()), SOURCE_VARIABLE: source}


def _watch(child: subprocess.Popen[bytes], refresh: Callable[[], object]) -> int:
    """Wait for the server; a refresh that fails is reported once and the old board stays."""
    said = ""
    while True:
        try:
            return child.wait(timeout=REFRESH_SECONDS)
        except subprocess.TimeoutExpired:
            said = refreshed(refresh, said)


def refreshed(refresh: Callable[[], object], said: str) -> str:
    """Call ``refresh``; print an error that ``said`` is not, and return it."""
    try:
        refresh()
    except LeakboardError as error:
        if str(error) != said:
            print(f"leakboard: the board stays as it was: {error}", file=sys.stderr, flush=True)
        return str(error)
    return ""


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _refuse_taken(port: int, host: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LeakboardError(
                f"port {port} of {host} cannot be used ({error.strerror}): give another --port"
            ) from error


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
