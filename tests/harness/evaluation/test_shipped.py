"""Shipped undefended results: taken over where the plan has their keys, computed where it has not or one asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.assessment import suite_of
from harness.evaluation.evaluate import evaluate
from harness.evaluation.plan import plan_cells
from harness.plugins import registry
from harness.plugins.identity import undefended_submission
from harness.plugins.submission import load_submission
from harness.plugins.suite import load_suite
from harness.scenario.toy import toy_model
from harness.store import Store
from harness.store.bundles import read_bundle, write_bundle
from harness.store.schema import CellRecord
from harness.util.seeds import PUBLIC_SALT
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_suite import toy_suite

SHIPPED = sorted(folder.name for folder in (registry.results() or Path()).iterdir() if folder.is_dir())


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("label", [one for one in SHIPPED if (known := suite_of(one)) and known.label == one])
def test_the_plan_of_a_suite_finds_every_shipped_key(label: str) -> None:
    """After a clone the shipped cells count: their keys are those of today's code, data and settings."""
    suite = load_suite(label.partition("@")[0])
    results = registry.results()
    assert results is not None
    undefended = undefended_submission()
    planned: set[str] = set()
    for file in sorted((results / label).glob("*.jsonl.gz")):
        submission = load_submission(registry.find_submission(file.name.partition(".")[0]))
        points = tuple(range(len(submission.points)))
        planned |= {c.key for c in plan_cells(suite, submission, undefended, points, "process", PUBLIC_SALT)}
        records, _ = read_bundle(file)
        assert {record.key for record in records if isinstance(record, CellRecord)} <= planned


@pytest.mark.usefixtures("shared_workers")
def test_undefended_results_are_taken_from_those_shipped(
    toy_folder: Path, toy_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, results = tmp_path / "toysuite.toml", tmp_path / "results"
    model = toy_model(toy_folder)
    suite.write_text(toy_suite("toysuite", model, toy_csv))
    undefended = registry.find_submission("none")
    monkeypatch.setattr(registry, "results", lambda: results)
    first = evaluate(undefended, suite, tmp_path / "a.duckdb", progress=Quiet())
    with Store.open(tmp_path / "a.duckdb") as store:
        cells = [store.cell(row["key"]) for row in store.query("SELECT key FROM cells")]
        runs = [store.run(row["key"]) for row in store.query("SELECT key FROM runs")]
    write_bundle(results / "toysuite@1" / "none.jsonl.gz", [one for one in (*runs, *cells) if one is not None])

    second = evaluate(undefended, suite, tmp_path / "b.duckdb", progress=Quiet())
    assert (second.computed, second.reused) == (0, first.computed)
    assert second.rows == first.rows
    # Results of other settings have other keys: nothing of them counts.
    suite.write_text(toy_suite("toysuite", model, toy_csv, tokens=9))
    third = evaluate(undefended, suite, tmp_path / "c.duckdb", progress=Quiet())
    assert third.reused == 0 and third.computed == first.computed


def test_what_is_shipped_is_not_read_where_one_asks_for_fresh_results(
    toy_folder: Path, toy_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise AssertionError("shipped results were read")

    suite = tmp_path / "toysuite.toml"
    suite.write_text(toy_suite("toysuite", toy_model(toy_folder), toy_csv))
    monkeypatch.setattr("harness.evaluation.evaluate.take_shipped", refuse)
    monkeypatch.setattr("harness.evaluation.evaluate.execute", lambda *_: None)
    report = evaluate(registry.find_submission("none"), suite, tmp_path / "a.duckdb", progress=Quiet(), shipped=False)
    assert report.computed == 0
