"""Portable records: what is written is what is read; duplicates are recognised, conflicts refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.store.bundles import write_bundle
from harness.store.files import Record
from harness.store.schema import CellRecord
from leaderboard.records import (
    collect_records,
    fingerprint,
    sources,
)
from tests.stand_ins.stored_results import changed, write_records


def test_damaged_and_foreign_bundles_are_named(some: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "cut.jsonl.gz", some)
    (tmp_path / "cut.jsonl.gz").write_bytes((tmp_path / "cut.jsonl.gz").read_bytes()[:-40])
    (tmp_path / "new.jsonl.gz").write_bytes(gzip.compress(json.dumps({"leakboard": 99}).encode()))
    (tmp_path / "no.parquet").write_bytes(b"nonsense")
    with pytest.raises(StoreError) as error:
        collect_records([tmp_path])
    message = str(error.value)
    assert message.startswith("3 unreadable and 0 conflicting")
    assert all(name in message for name in ("cut.jsonl.gz", "new.jsonl.gz: bundle of version 99", "no.parquet"))


def test_a_newer_schema_is_refused(some: list[Record], tmp_path: Path) -> None:
    newer = some[0].model_copy(update={"schema_version": 99})
    write_bundle(tmp_path / "newer.jsonl.gz", [newer])
    with pytest.raises(StoreError, match="schema version 99"):
        collect_records([tmp_path])


def test_duplicates_are_recognised_whatever_their_source(some: list[Record], tmp_path: Path) -> None:
    write_records(tmp_path / "s.files", some)
    write_bundle(tmp_path / "b.jsonl.gz", some)
    collected = collect_records([tmp_path / "s.files", tmp_path / "b.jsonl.gz"])
    assert collected.duplicates == len(some) == len(collected.all())
    assert collected.hash() == collect_records([tmp_path / "b.jsonl.gz"]).hash()


def test_conflicts_are_all_named(some: list[Record], tmp_path: Path) -> None:
    odd = [changed(some[0]), changed(next(r for r in some if isinstance(r, CellRecord)))]
    write_bundle(tmp_path / "a.jsonl.gz", some)
    write_bundle(tmp_path / "b.jsonl.gz", odd)
    with pytest.raises(StoreError) as error:
        collect_records([tmp_path])
    assert all(record.key in str(error.value) for record in odd)
    assert "differs in model" in str(error.value) and "differs in scores" in str(error.value)
    first = collect_records([tmp_path], first_counts=True)
    assert first.runs[odd[0].key] == some[0] and len(first.conflicts) == 2


def test_what_is_no_source_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(StoreError, match=r"notes\.txt: no bundle"):
        collect_records([tmp_path / "notes.txt"])


def test_the_fingerprint_follows_files(some: list[Record], tmp_path: Path) -> None:
    write_records(tmp_path / "s.files", some[:1])
    before = fingerprint([tmp_path])
    assert fingerprint([tmp_path]) == before
    write_records(tmp_path / "s.files", some[1:2])
    assert fingerprint([tmp_path]) != before
    assert sources([tmp_path]) == [tmp_path / "s.files"]
