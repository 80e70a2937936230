"""Bundles: what is written is what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.bundles import read_bundle, write_bundle
from harness.store.files import Record
from harness.store.schema import CellRecord, Score
from tests.stand_ins.stored_results import TINY, records


@pytest.fixture(scope="module")
def some() -> list[Record]:
    """Two submissions on one entry."""
    return list(records(TINY[:2], entries=["skills-cut0"], n=4))


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".parquet"])
def test_a_bundle_gives_back_the_records(some: list[Record], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bundle{suffix}"
    size = write_bundle(path, some, {"name": "plugin", "title": "é"})
    records_read, manifest = read_bundle(path)
    assert {r.key: r for r in records_read} == {r.key: r for r in some}
    assert manifest == {"name": "plugin", "title": "é"}
    assert path.stat().st_size == size


def test_scores_in_any_order_survive(some: list[Record], tmp_path: Path) -> None:
    cell = next(r for r in some if isinstance(r, CellRecord))
    odd = cell.model_copy(
        update={
            "scores": tuple(
                Score(record=record, metric=metric, value=value)
                for record, metric, value in [("b", "x", 0.1), ("a", "y", None), ("b", "y", 0.3), ("a", "x", 1e-17)]
            )
        }
    )
    write_bundle(tmp_path / "odd.jsonl.gz", [odd])
    assert read_bundle(tmp_path / "odd.jsonl.gz")[0] == [odd]


def test_equal_records_give_equal_bytes_whatever_their_order(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", some)
    write_bundle(tmp_path / "b.jsonl.gz", some[::-1])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
