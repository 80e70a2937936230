"""Portable records: what is written is what is read; duplicates are recognised, conflicts refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.store import Store
from harness.store.files import Record
from harness.store.schema import CellRecord, RunRecord, Score
from leaderboard.bundles import read_bundle, write_bundle
from leaderboard.ingest import ingest, pack
from leaderboard.records import collect, fingerprint, sources
from tests.leaderboard.make import TINY, records, write_records


@pytest.fixture(scope="module")
def some() -> list[Record]:
    return list(records(TINY[:2], entries=["sms-cut0"], n=4))


def changed(record: Record) -> Record:
    if isinstance(record, RunRecord):
        return record.model_copy(update={"model": "another"})
    return record.model_copy(update={"scores": (Score(record="r000", metric="exact_match", value=1.0),)})


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".parquet"])
def test_a_bundle_gives_back_the_records(some: list[Record], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bundle{suffix}"
    size = write_bundle(path, some, {"name": "plugin", "title": "é"})
    found, manifest = read_bundle(path)
    assert {r.key: r for r in found} == {r.key: r for r in some}
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


def test_damaged_and_foreign_bundles_are_named(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "cut.jsonl.gz", some)
    (tmp_path / "cut.jsonl.gz").write_bytes((tmp_path / "cut.jsonl.gz").read_bytes()[:-40])
    (tmp_path / "new.jsonl.gz").write_bytes(gzip.compress(json.dumps({"leakboard": 99}).encode()))
    (tmp_path / "no.parquet").write_bytes(b"nonsense")
    with pytest.raises(StoreError) as told:
        collect([tmp_path])
    message = str(told.value)
    assert message.startswith("3 unreadable and 0 conflicting")
    assert all(name in message for name in ("cut.jsonl.gz", "new.jsonl.gz: bundle of version 99", "no.parquet"))


def test_a_newer_schema_is_refused(some: list[Record], tmp_path: Path) -> None:
    newer = some[0].model_copy(update={"schema_version": 99})
    write_bundle(tmp_path / "newer.jsonl.gz", [newer])
    with pytest.raises(StoreError, match="schema version 99"):
        collect([tmp_path])


def test_duplicates_are_recognised_whatever_their_source(some: list[Record], tmp_path: Path) -> None:
    write_records(tmp_path / "s.files", some)
    write_bundle(tmp_path / "b.jsonl.gz", some)
    found = collect([tmp_path / "s.files", tmp_path / "b.jsonl.gz"])
    assert found.duplicates == len(some) == len(found.all())
    assert found.hash() == collect([tmp_path / "b.jsonl.gz"]).hash()


def test_conflicts_are_all_named(some: list[Record], tmp_path: Path) -> None:
    odd = [changed(some[0]), changed(next(r for r in some if isinstance(r, CellRecord)))]
    write_bundle(tmp_path / "a.jsonl.gz", some)
    write_bundle(tmp_path / "b.jsonl.gz", odd)
    with pytest.raises(StoreError) as told:
        collect([tmp_path])
    assert all(record.key in str(told.value) for record in odd)
    assert "differs in model" in str(told.value) and "differs in scores" in str(told.value)
    first = collect([tmp_path], first_counts=True)
    assert first.runs[odd[0].key] == some[0] and len(first.conflicts) == 2


def test_what_is_no_source_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(StoreError, match=r"notes\.txt: no bundle"):
        collect([tmp_path / "notes.txt"])


def test_the_fingerprint_follows_files(some: list[Record], tmp_path: Path) -> None:
    write_records(tmp_path / "s.files", some[:1])
    before = fingerprint([tmp_path])
    assert fingerprint([tmp_path]) == before
    write_records(tmp_path / "s.files", some[1:2])
    assert fingerprint([tmp_path]) != before
    assert sources([tmp_path]) == [tmp_path / "s.files"]


def test_ingest_then_pack_is_the_same(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "in" / "a.jsonl.gz", some)
    report = ingest([tmp_path / "in"], tmp_path / "s.duckdb")
    assert (report.new, report.known) == (len(some), 0)
    again = ingest([tmp_path / "in"], tmp_path / "s.duckdb")
    assert (again.new, again.known) == (0, len(some))
    files = pack(tmp_path / "s.duckdb", tmp_path / "out", submissions=["none"])
    assert [path.relative_to(tmp_path / "out").as_posix() for path in files] == ["standard-small@1/none.jsonl.gz"]
    packed, manifest = read_bundle(next(iter(files)))
    assert {r.key for r in packed} == {r.key for r in some if r.submission == "none"}
    assert manifest is not None and manifest["title"] == "No defense" and "hash" not in manifest


def test_ingest_refuses_what_the_store_has_otherwise(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", some[:2])
    ingest([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb")
    write_bundle(tmp_path / "b.jsonl.gz", [changed(some[0]), *some[2:4]])
    with pytest.raises(StoreError, match="in the store with other content"):
        ingest([tmp_path / "b.jsonl.gz"], tmp_path / "s.duckdb")
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        assert store.run(some[0].key) == some[0]
        assert not any(store.run(r.key) or store.cell(r.key) for r in some[2:4])


def test_packing_nothing_is_told(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", some)
    ingest([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb")
    with pytest.raises(StoreError, match="no records of nobody to pack"):
        pack(tmp_path / "s.duckdb", tmp_path / "out", submissions=["nobody"])
