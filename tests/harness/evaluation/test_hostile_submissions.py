"""End to end on a tiny model: what a submission's worker does costs its own rows and no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.assessment.report import Row
from harness.evaluation.evaluate import evaluate
from harness.plugins.submission import Submission
from harness.scenario.toy import toy_model
from harness.store import Store
from tests.stand_ins.hostile_workers import ANSWERS, hostile
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_suite import toy_suite

RIDGE = ("blind_tokens", 'ridge_inverter\nvariants = ["adaptive"]')

Make = Callable[..., Submission]
Job = Callable[[Submission], list[Row]]


@pytest.fixture
def job(tmp_path: Path, toy_folder: Path, toy_csv: Path, shared_workers: None) -> Job:
    suite = tmp_path / "hostile.toml"
    suite.write_text(toy_suite("hostile", toy_model(toy_folder), toy_csv, records=8, known=None, attacks=RIDGE))

    def run(submission: Submission) -> list[Row]:
        return list(evaluate(submission.folder, suite, tmp_path / "s.duckdb", progress=Quiet()).rows)

    return run


def with_points(submission: Submission, *points: str) -> Submission:
    """The submission with an operating point for each text of parameters."""
    manifest = submission.folder / "submission.toml"
    text = manifest.read_text().partition("[[points]]")[0]
    text += "".join(f"[[points]]\nlabel = 'p{i}'\nparameters = {{ {p} }}\n" for i, p in enumerate(points))
    manifest.write_text(text)
    return submission


def test_an_undecodable_message_ends_its_own_row_alone(job: Job, submission: Make) -> None:
    """On commit e6ffef4 the recursion bomb in a header ended the evaluation with a traceback."""
    statement, words = ANSWERS["a recursion bomb in a message"]
    rows = job(with_points(submission(hostile(statement), "bomb"), "hostile = true", "hostile = false"))
    assert [row.status for row in rows] == ["error", "ok"]
    assert words in str(rows[0].reason)
    assert "\n" not in str(rows[0].reason)
    assert rows[1].privacy is not None


def test_garbage_in_simulations_alone_is_an_error_of_the_attack_and_ends_nothing(
    job: Job, submission: Make, tmp_path: Path
) -> None:
    """Every run after the live one answers with a recursion bomb: on commit e6ffef4 such a row stayed ranked, the
    attack dropped. Nothing tells the runs apart but their order, which a worker without a sandbox can note in a file.
    """
    first_only = f"""
import pathlib
first = pathlib.Path({str(tmp_path / "first")!r})
if not first.exists():
    first.write_text(str(os.getpid()))
if first.read_text() != str(os.getpid()):
    say(b'[' * 200_000)
"""
    plugin = submission(hostile(first_only), "selective")
    (row,) = job(with_points(plugin, "hostile = true"))
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        cells = store.query("SELECT name, status, reason FROM cells WHERE submission = 'selective'")
    by_name = {cell["name"]: cell for cell in cells}
    assert by_name["ridge_inverter"]["status"] == "error"
    assert "nested too deeply" in by_name["ridge_inverter"]["reason"]
    assert row.privacy is None
    assert by_name["same_in_simulation"]["status"] == "error"
    assert by_name["same_alone"]["status"] != "ok"
    assert any(flag.startswith("control ended in error") for flag in row.flags)


def test_an_odd_source_file_costs_no_attack(job: Job, submission: Make) -> None:
    """On commit e6ffef4 a file that is no UTF-8, or a folder called ``x.py``, voided every attack."""
    plugin = submission("class Plugin(Defense):\n    pass\n", "odd")
    (plugin.folder / "latin.py").write_bytes(b"# \xe9\n")
    (plugin.folder / "folder.py").mkdir()
    (row,) = job(plugin)
    assert row.status == "ok", row.reason
