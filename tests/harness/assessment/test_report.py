"""Rows of results tell operating points by the names that their manifest gives them, and what sharing is worth."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import numpy as np
import pytest

from harness.assessment.report import Row, installed_submissions, point_labels, result_rows
from harness.plugins import registry
from harness.plugins.submission import load_submission
from harness.store import Store
from harness.store.bundles import read_bundle
from harness.store.connection import connect, prepare
from harness.store.schema import CellRecord
from harness.store.tables import ingest


def test_points_are_named_by_the_source_that_was_run() -> None:
    labels = point_labels(installed_submissions())
    submission = load_submission(registry.find_submission("gaussian_noise"))
    assert [labels[submission.hash, index] for index in range(len(submission.points))] == [
        p.label for p in submission.points
    ]
    assert ("another hash", 0) not in labels


def shipped_rows(folder: Path, suite: str, *names: str, points: Container[int]) -> list[Row]:
    """Rows of shipped bundles of a suite's latest version, read as `leakboard results` reads them, at ``points``."""
    results = registry.results()
    assert results is not None
    latest = sorted(results.glob(f"{suite}@*"))[-1]
    path = folder / "leakboard.duckdb"
    connection = connect(path, read_only=False)
    prepare(connection, path, read_only=False)
    # All in one transaction, without their files: nobody reads those.
    records = (record for name in names for record in read_bundle(latest / f"{name}.jsonl.gz")[0])
    ingest(connection, [record for record in records if record.point in points])
    with Store(path, connection, read_only=True) as store:
        return result_rows(store)


@pytest.fixture(
    scope="module",
    params=[pytest.param((0,), id="first point"), pytest.param(range(10), id="all points", marks=pytest.mark.slow)],
)
def shipped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Rows of two bundles."""
    folder, points = tmp_path_factory.mktemp("shipped"), request.param
    return shipped_rows(folder, "prototype-quick", "none", "prototype_gaussian", points=points)


def test_a_refuted_claim_is_said_in_the_rows_that_are_printed(tmp_path: Path) -> None:
    shown = shipped_rows(tmp_path, "synthetic-quick", "none", "wasp_split_noise", points=range(10))
    refuted = {r.entry for r in shown for flag in r.flags if flag.startswith("claim refuted")}
    assert "wasp-party" in refuted and "wasp-sum" not in refuted
    assert not any("claim" in flag for r in shown if r.submission == "none" for flag in r.flags)


def test_every_row_has_its_scores_beside_local_only_and_centralised(shipped: list[Row]) -> None:
    assert {row.submission for row in shipped} == {"none", "prototype_gaussian"}
    for row in shipped:
        means = {mean.system: mean for mean in row.references}
        assert list(means) == ["undefended", "local only", "centralised"]
        for mean in (*row.tasks, *row.references):
            assert mean.task == "accuracy" and mean.n > 0
            assert -0.05 <= mean.low <= mean.value <= mean.high <= 1.05
        if row.submission == "none":
            assert [m.value for m in row.tasks] == [means["undefended"].value]


def test_reference_means_are_those_of_the_stored_records(shipped: list[Row]) -> None:
    results = registry.results()
    assert results is not None
    records, _ = read_bundle(sorted(results.glob("prototype-quick@*"))[-1] / "none.jsonl.gz")
    for row in (r for r in shipped if r.submission == "none"):
        for mean, behaviour in zip(row.references, ("honest", "local_only", "centralised"), strict=True):
            values = [
                score.value
                for cell in records
                if isinstance(cell, CellRecord)
                and cell.role == "utility"
                and (cell.entry, cell.behaviour) == (row.entry, behaviour)
                for score in cell.scores
                if score.value is not None
            ]
            assert mean.n == len(values)
            assert mean.value == pytest.approx(np.mean(values))
