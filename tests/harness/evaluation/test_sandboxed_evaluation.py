"""Evaluations in the sandbox, end to end on a tiny model: rows, what their records say, and the limit of operations."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.assessment.report import Row
from harness.evaluation.contract_check import check_submission
from harness.evaluation.evaluate import evaluate
from harness.plugins.submission import Submission
from harness.runtime.fork_server import ForkServer
from harness.scenario.toy import toy_model
from harness.store import Store
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_suite import toy_suite

RIDGE = ("blind_tokens", 'ridge_inverter\nvariants = ["adaptive"]')

Make = Callable[..., Submission]
Job = Callable[[Submission], list[Row]]

POINTS = """
[[points]]
label = "sound"
parameters = { wish = "" }

[[points]]
label = "sockets"
parameters = { wish = "__import__('socket').socket()" }

[[points]]
label = "lazy"
parameters = { wish = "[torch.ones(64, 64) @ torch.ones(64, 64) for _ in range(200)]" }
"""

BODY = """
class Plugin(Defense):
    def __init__(self, wish=""):
        self.wish = wish

    def send(self, message):
        if self.wish:
            eval(self.wish)
        return message
"""


@pytest.fixture
def job(
    tmp_path: Path, toy_folder: Path, toy_csv: Path, sandbox_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> Job:
    monkeypatch.setattr("harness.runtime.sandbox.SandboxServer", lambda: sandbox_server)
    suite = tmp_path / "confined.toml"
    suite.write_text(toy_suite("confined", toy_model(toy_folder), toy_csv, records=8, known=None, attacks=RIDGE))

    def run(submission: Submission) -> list[Row]:
        store = tmp_path / "s.duckdb"
        return list(evaluate(submission.folder, suite, store, isolation="sandbox", progress=Quiet()).rows)

    return run


def test_hostile_points_are_errors_and_the_sound_one_is_scored(
    job: Job, submission: Make, sandbox_server: ForkServer, tmp_path: Path
) -> None:
    plugin = submission(BODY)
    manifest = plugin.folder / "submission.toml"
    manifest.write_text(manifest.read_text().partition("[[points]]")[0] + POINTS)
    rows = job(plugin)
    assert [row.status for row in rows] == ["ok", "error", "error"]
    assert rows[0].privacy is not None
    assert "PermissionError" in str(rows[1].reason)
    assert "times the operations of the undefended run; at most 1.5" in str(rows[2].reason)
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        runs = store.query("SELECT isolation, environment FROM runs")
        controls = store.query("SELECT status FROM cells WHERE name LIKE 'same_%' AND point = 0 AND role = 'control'")
    assert {run["isolation"] for run in runs} == {"sandbox"}
    assert all(sandbox_server.sandbox in str(run["environment"]) for run in runs)
    assert {cell["status"] for cell in controls} == {"ok"}


def test_the_contract_check_runs_in_the_sandbox(
    submission: Make, sandbox_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.runtime.sandbox.SandboxServer", lambda: sandbox_server)
    assert check_submission(submission(BODY).folder, "sandbox") == []
    reads = submission("class Plugin(Defense):\n    def send(self, m): return open('/etc/passwd')\n", "reads")
    (problem,) = check_submission(reads.folder, "sandbox")
    assert re.search(r"(PermissionError|FileNotFoundError): .*/etc/passwd.* at defense\.py", problem)
