"""``leakboard submit``: all that is missing is said, and what a submission writes is escaped in the summary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.plugins.submission import Submission
from leaderboard.submitting import Submitted, submit_folder, summary
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_suite import write_toy_suite

NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(hidden=self.me.gaussian(message["hidden"], clip=None, scale=0.05))
"""
BROKEN = """
class Plugin(Defense):
    def send(self, message):
        raise ValueError("<img src=x>|`boom`")
"""


@pytest.fixture
def suite(tmp_path: Path, toy_folder: Path, toy_csv: Path) -> Path:
    return write_toy_suite(tmp_path / "toysuite.toml", toy_folder, toy_csv)


def tried(folder: Path, output: Path, suite: Path) -> Submitted:
    return submit_folder(folder, output, suite=str(suite), isolation="process", progress=Quiet())


def test_what_is_missing_is_said_before_anything_runs(
    submission: Callable[..., Submission], suite: Path, tmp_path: Path
) -> None:
    made = submission(BROKEN)
    manifest = made.folder / "submission.toml"
    manifest.write_text(manifest.read_text().replace("Apache-2.0", "secret|<b>"))
    submitted = tried(made.folder, tmp_path / "out", suite)
    assert [problem.partition(":")[0] for problem in submitted.problems] == ["folder", "folder"]
    assert "README.md is missing" in submitted.problems[0] and submitted.rows == []
    written = (tmp_path / "out" / "summary.md").read_text()
    assert "<b>" not in written and "cannot be accepted yet" in written
    (made.folder / "submission.toml").write_text("name = 3\n")
    assert all(p.startswith("folder: ") for p in tried(made.folder, tmp_path / "out", suite).problems)


def test_a_broken_hook_is_a_problem_of_the_contract(
    submission: Callable[..., Submission], suite: Path, tmp_path: Path, shared_workers: None
) -> None:
    made = submission(BROKEN)
    (made.folder / "README.md").write_text("Broken.")
    submitted = tried(made.folder, tmp_path / "out", suite)
    assert submitted.problems and all(p.startswith("contract: ") for p in submitted.problems)
    assert "\\<img" in summary(submitted) and "<img" not in summary(submitted).replace("\\<img", "")


@pytest.mark.slow
def test_a_sound_one_gets_records_and_a_preview(
    submission: Callable[..., Submission], suite: Path, tmp_path: Path, shared_workers: None
) -> None:
    made = submission(NOISE)
    (made.folder / "README.md").write_text("Noise.")
    submitted = tried(made.folder, tmp_path / "out", suite)
    assert submitted.problems == [] and submitted.suite == "toysuite@1"
    (row,) = submitted.rows
    assert row["entry"] == "generation" and row["label"] == "only" and row["privacy"] is not None
    names = {file.relative_to(tmp_path / "out").as_posix() for file in submitted.files}
    assert names == {"records/toysuite@1/none.jsonl.gz", "records/toysuite@1/plugin.jsonl.gz", "summary.md"}
    assert "Nothing is missing" in (tmp_path / "out" / "summary.md").read_text()
