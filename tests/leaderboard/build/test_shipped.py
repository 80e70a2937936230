"""The board that is shipped with the records: used while it fits them, and never a moment longer."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import StoreError
from harness.plugins import registry
from harness.store.bundles import write_bundle
from leaderboard.build import build_board, current_board
from leaderboard.build.shipped import NAME, ship, ship_results, unpack
from leaderboard.queries import open_board
from leaderboard.schema import TABLES
from tests.stand_ins.stored_results import TINY, records

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Path) -> Path:
    """A folder of records with a board that was built from them and shipped."""
    folder = tmp_path / "results"
    write_bundle(folder / "suite" / "none.jsonl.gz", list(records(TINY[:1], n=4)))
    monkeypatch.setattr(registry, "results", lambda: folder)
    ship(tiny, folder)
    return folder


def test_a_fresh_clone_opens_the_shipped_board_and_builds_nothing(
    results: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaderboard.build.build.build_board", lambda *a, **k: pytest.fail("it was built"))
    target = tmp_path / "b.duckdb"
    board = open_board(current_board([results], target))
    assert board.board().equals(open_board(tiny).board())
    stamp = board.stamp
    assert open_board(current_board([results], target)).stamp == stamp  # and is current at the next look


def test_other_records_are_built_from(results: Path, tmp_path: Path) -> None:
    write_bundle(results / "suite" / "more.jsonl.gz", list(records(TINY[1:2], n=4)))
    assert "other records" in unpack(results, tmp_path / "a.duckdb", "mark")
    board = open_board(current_board([results], tmp_path / "b.duckdb"))
    assert set(board.board()["submission"]) == {TINY[0].submission, TINY[1].submission}


def test_records_of_a_store_are_built_from(results: Path, tmp_path: Path) -> None:
    other = tmp_path / "mine"
    write_bundle(other / "more.jsonl.gz", list(records(TINY[1:2], n=4)))
    board = open_board(current_board([other, results], tmp_path / "b.duckdb"))
    assert len(board.board()["submission"].unique()) == 2


def test_a_damaged_file_is_not_used(results: Path, tmp_path: Path) -> None:
    whole = (results / NAME).read_bytes()
    for content in (whole[: len(whole) // 2], b"", gzip.compress(b"no database")):
        (results / NAME).write_bytes(content)
        assert unpack(results, tmp_path / "a.duckdb", "mark")
        assert not (tmp_path / "a.duckdb").exists()
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_it_is_made_from_the_shipped_results_alone(results: Path) -> None:
    assert ship_results(None) == [results]
    with pytest.raises(StoreError, match="name no paths"):
        ship_results([results])


def test_several_processes_build_the_same_board(tmp_path: Path, tiny: Path) -> None:
    write_bundle(tmp_path / "r.jsonl.gz", list(records(TINY[:2], n=4)))
    said: list[tuple[int, int]] = []
    alone = build_board([tmp_path / "r.jsonl.gz"], tmp_path / "a.duckdb", say=lambda n, of, name: said.append((n, of)))
    shared = build_board([tmp_path / "r.jsonl.gz"], tmp_path / "b.duckdb", jobs=2)
    assert said == [(1, 2), (2, 2)]
    assert_same(alone, shared)


EXACT = frozenset({"value", "floor", "advantage", "n", "utility", "efficiency", "bytes", "flops", "seeds", "runs"})
"""Columns that nothing is drawn for. Ends of bootstrap intervals, and what follows from them, can jump where another
machine, or another number of threads, rounds a tie the other way."""
MOSTLY = 0.95


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_shipped_board_is_what_its_records_give(tmp_path: Path) -> None:
    """Nobody ships numbers that the records beside them do not give."""
    results = ROOT / "results"
    if not (results / NAME).is_file() or unpack(results, tmp_path / "shipped.duckdb", ""):
        pytest.skip("no board is shipped, or not one of these records and this code")
    built = build_board([results], tmp_path / "built.duckdb", first_counts=True, jobs=2)
    for table in TABLES:
        if table == "meta":
            continue
        one, other = (open_board(path).table(table) for path in (built, tmp_path / "shipped.duckdb"))
        assert one.shape == other.shape, table
        for name in one.columns:
            alike = [_alike(a, b) for a, b in zip(one[name], other[name], strict=True)]
            wanted = len(alike) if name in EXACT else MOSTLY * len(alike) - 1
            assert sum(alike) >= wanted, f"{table}.{name}: {len(alike) - sum(alike)} of {len(alike)} differ"


def _alike(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-6, abs=1e-9, nan_ok=True)
    return str(one) == str(other)


def assert_same(first: Path, second: Path) -> None:
    for table in TABLES:
        if table == "meta":
            continue
        one, other = (open_board(path).table(table) for path in (first, second))
        pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def test_a_board_of_another_version_is_not_used(results: Path, tmp_path: Path) -> None:
    shutil.copy(results / NAME, tmp_path / "kept")
    assert not unpack(results, tmp_path / "a.duckdb", "mark")
    assert open_board(tmp_path / "a.duckdb").meta()["sources"] == "mark"
