"""The launcher: local address only, a board that is built first, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import LeakboardError, StoreError
from leaderboard.app import launch
from leaderboard.queries import open_board
from tests.stand_ins import stored_results

SERVE = """
import sys
from pathlib import Path
from leaderboard.app.launch import serve
sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2]), lambda: None))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def options() -> dict[str, str]:
    words = launch.command(8501)[5:]
    return dict(zip(words[::2], words[1::2], strict=True))


def test_the_server_listens_on_this_machine_only_and_tells_nobody() -> None:
    assert options()["--server.address"] == "127.0.0.1"
    assert options()["--browser.gatherUsageStats"] == "false"
    assert Path(options()["--theme.base"]).is_file()


def test_the_pages_learn_where_the_board_is(tmp_path: Path) -> None:
    environment = launch.environment(tmp_path / "x.duckdb", "store.duckdb")
    assert environment[launch.BOARD_VARIABLE] == str(tmp_path / "x.duckdb")
    assert environment[launch.SOURCE_VARIABLE] == "store.duckdb"


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(LeakboardError, match="--port"):
            launch.run(None, tmp_path, holder.getsockname()[1])


def test_the_board_is_built_while_the_store_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    from harness.plugins import registry

    served: list[tuple[Path, Callable[[], Any]]] = []

    def serve(board: Path, port: int, refresh: Callable[[], Any], **more: Any) -> int:
        served.append((board, refresh))
        return 0

    monkeypatch.setattr(launch, "serve", serve)
    monkeypatch.setattr(registry, "results", lambda: None)
    store = tmp_path / "leakboard.duckdb"
    files = tmp_path / "leakboard.files"
    stored_results.write_records(files, list(stored_results.records(stored_results.TINY[:2], entries=("sms-cut25",))))
    with duckdb.connect(str(store)) as writer:
        writer.execute("CREATE TABLE held (x INTEGER)")
        assert launch.run(store, None, free_port()) == 0
    ((board, refresh),) = served
    first = board.stat().st_ino
    assert set(open_board(board).board()["submission"]) == {"none", "gaussian_noise"}
    refresh()
    assert board.stat().st_ino == first
    stored_results.write_records(files, list(stored_results.records(stored_results.TINY[4:5], entries=("sms-cut25",))))
    refresh()
    assert "int8_quantise" in set(open_board(board).board()["submission"])


def test_a_failing_refresh_is_told_once_and_the_server_stays(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise StoreError("records of version 9")

    said = launch.refreshed(fail, launch.refreshed(fail, ""))
    assert said == "records of version 9"
    assert capsys.readouterr().err.count("records of version 9") == 1
    assert launch.refreshed(lambda: None, said) == ""


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_the_server_ends_with_its_launcher(boards: Callable[[str], Path], number: signal.Signals, status: int) -> None:
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(boards("tiny")), str(port)]

    def heed() -> None:
        """A test run in the background is started with interrupts ignored, and would hand that on."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    environment = launch.environment(boards("tiny"), "")
    with subprocess.Popen(command, env=environment, preexec_fn=heed) as launcher:  # noqa: PLW1509 (no threads yet)
        try:
            wait_until(lambda: answers(port))
            os.kill(launcher.pid, number)
            assert launcher.wait(timeout=300) == status
        finally:
            launcher.kill()
    wait_until(lambda: not answers(port))


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(1500):
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError("it never happened")
