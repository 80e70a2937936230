"""Ingesting from strangers: each thing that does not fit is named, all at once, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.store import CellRecord, Record, RunRecord
from harness.store.bundles import write_bundle
from harness.util.keys import key
from leaderboard.records import ingest_records
from tests.stand_ins.stored_results import Defended, records

Change = Callable[[Record], Record | None]


@pytest.fixture(scope="module")
def theirs() -> list[Record]:
    return list(records([Defended("stranger", 0, 0.2, 0.88)], entries=["skills-cut0"], n=4))


def runs(**fields: Any) -> Change:
    """A change of every run."""
    return lambda record: record.model_copy(update=fields) if isinstance(record, RunRecord) else record


def cells(**fields: Any) -> Change:
    """A change of every cell."""
    return lambda record: record.model_copy(update=fields) if isinstance(record, CellRecord) else record


def everything(**fields: Any) -> Change:
    return lambda record: record.model_copy(update=fields)


def salted(**entitlement: Any) -> Change:
    return lambda r: r.model_copy(update={"entitlement": entitlement}) if isinstance(r, RunRecord) else r


def without_runs(record: Record) -> Record | None:
    return None if isinstance(record, RunRecord) else record


CASES: dict[str, tuple[Change, str]] = {
    "unknown suite": (everything(suite="forgotten@7"), "suite forgotten@7 is not here in that version"),
    "another version": (everything(suite="standard-small@1"), "suite standard-small@1 is not here in that version"),
    "no such entry": (everything(entry="easy"), "has no entry easy of scenario"),
    "no such seed": (everything(seed=17), "seed 17 is none of the suite's"),
    "registered name": (everything(submission="none"), "records of none, which is registered here"),
    "no sandbox there": (runs(isolation="sandbox"), "isolation 'sandbox', but sandbox ''"),
    "a salt of their own": (salted(salt="lucky"), "salt 'lucky' with seal None"),
    "an unknown seal": (salted(salt="sealed", seal="ab" * 32), "its seal abababab is not known here"),
    "cells of another point": (cells(point=1), "differs from its run in point: altered"),
    "cells without runs": (without_runs, "is neither here nor in the store"),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_what_does_not_fit_is_named_and_nothing_is_stored(case: str, theirs: list[Record], tmp_path: Path) -> None:
    change, words = CASES[case]
    changed = [record for r in theirs if (record := change(r)) is not None]
    write_bundle(tmp_path / "a.jsonl.gz", changed)
    with pytest.raises(StoreError) as refused:
        ingest_records([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb")
    assert words in str(refused.value) and "nothing was stored" in str(refused.value)
    assert not (tmp_path / "s.duckdb").exists()


def test_all_problems_come_together(theirs: list[Record], tmp_path: Path) -> None:
    changed = [r.model_copy(update={"suite": "forgotten@7"}) for r in theirs]
    changed = [r.model_copy(update={"isolation": "sandbox"}) if isinstance(r, RunRecord) else r for r in changed]
    write_bundle(tmp_path / "a.jsonl.gz", changed)
    with pytest.raises(StoreError) as refused:
        ingest_records([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb", packages={"torch": "9.9"})
    for words in ("forgotten@7", "but sandbox ''", "made with torch 2.6.0, the lock has 9.9"):
        assert words in str(refused.value)


def test_what_fits_is_taken(theirs: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", theirs)
    assert ingest_records([tmp_path / "a.jsonl.gz"], tmp_path / "s.duckdb", packages={"torch": "2.6.0"}).new
    old = [
        r.model_copy(update={"suite": "forgotten@7", "key": key("old", r.key)})
        if isinstance(r, RunRecord)
        else r.model_copy(update={"suite": "forgotten@7", "key": key("old", r.key), "run_key": key("old", r.run_key)})
        for r in theirs
    ]
    write_bundle(tmp_path / "b.jsonl.gz", old)
    assert ingest_records([tmp_path / "b.jsonl.gz"], tmp_path / "s.duckdb", old_suites=True).new == len(old)


def test_a_bundle_with_a_changed_byte_is_damaged(theirs: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    write_bundle(path, theirs)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match="damaged"):
        ingest_records([path], tmp_path / "s.duckdb")
