"""Ingesting and packing: records keep their content on the way, conflicts are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.store import Store
from harness.store.bundles import read_bundle, write_bundle
from harness.store.files import Record
from leaderboard.records import (
    collect_records,
    fingerprint,
    ingest_records,
    pack_records,
)
from tests.stand_ins.stored_results import changed


def test_ingest_then_pack_is_the_same(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "in" / "a.jsonl.gz", some)
    report = ingest_records([tmp_path / "in"], tmp_path / "s.duckdb", trusted=True)
    assert (report.new, report.known) == (len(some), 0)
    again = ingest_records([tmp_path / "in"], tmp_path / "s.duckdb", trusted=True)
    assert (again.new, again.known) == (0, len(some))
    files = pack_records(tmp_path / "s.duckdb", tmp_path / "out", submissions=["none"])
    assert [path.relative_to(tmp_path / "out").as_posix() for path in files] == ["standard-small@2/none.jsonl.gz"]
    packed, manifest = read_bundle(next(iter(files)))
    assert {r.key for r in packed} == {r.key for r in some if r.submission == "none"}
    assert manifest is not None and manifest["title"] == "No defense" and "hash" not in manifest


def test_ingest_refuses_what_the_store_has_otherwise(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", some[:2])
    ingest_records([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb", trusted=True)
    write_bundle(tmp_path / "b.jsonl.gz", [changed(some[0]), *some[2:4]])
    with pytest.raises(StoreError, match="in the store with other content"):
        ingest_records([tmp_path / "b.jsonl.gz"], tmp_path / "s.duckdb", trusted=True)
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        assert store.run(some[0].key) == some[0]
        assert not any(store.run(r.key) or store.cell(r.key) for r in some[2:4])


def test_manifests_travel_from_store_to_bundle_to_store(some: list[Record], tmp_path: Path) -> None:
    others = [record.model_copy(update={"submission": "elsewhere"}) for record in some]
    manifest = {"name": "elsewhere", "title": "A defense that is not installed here"}
    write_bundle(tmp_path / "in" / "a.jsonl.gz", others, manifest)
    ingest_records([tmp_path / "in"], tmp_path / "s.duckdb", trusted=True)
    before = fingerprint([tmp_path / "s.duckdb"])
    with Store.open(tmp_path / "s.duckdb") as store:
        store.put_manifest("elsewhere", manifest | {"title": "Another title"})
    assert fingerprint([tmp_path / "s.duckdb"]) != before
    _, carried = read_bundle(next(iter(pack_records(tmp_path / "s.duckdb", tmp_path / "out"))))
    assert carried is not None and carried["title"] == "Another title"


def test_a_manifest_of_an_odd_name_is_refused(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", some, {"name": "../../outside", "title": "Nothing"})
    with pytest.raises(StoreError, match="no name of a submission"):
        ingest_records([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb", trusted=True)
    assert not (tmp_path.parent / "outside.json").exists()


def test_a_damaged_manifest_is_named(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", some, {"name": "elsewhere"})
    ingest_records([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb", trusted=True)
    (tmp_path / "s.files" / "manifests" / "elsewhere.json").write_text("nothing")
    with pytest.raises(StoreError, match=r"elsewhere\.json is damaged"):
        collect_records([tmp_path / "s.duckdb"])


def test_packing_nothing_is_told(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", some)
    ingest_records([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb", trusted=True)
    with pytest.raises(StoreError, match="no records of nobody to pack"):
        pack_records(tmp_path / "s.duckdb", tmp_path / "out", submissions=["nobody"])
