"""The negative control on records that are shipped, and on the same with a leak planted in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.assessment.controls import negative_flags, negative_test
from harness.assessment.results import EntryResults, Place
from harness.plugins import registry
from harness.store.bundles import read_bundle, write_bundle
from harness.store.schema import CellRecord
from leaderboard.app.content.attack import leaks_on_noise
from leaderboard.build import build_board
from leaderboard.queries import open_board
from leaderboard.records import Collected

CONTROL = "pure_noise"

read_once = cache(read_bundle)


@pytest.fixture(scope="module")
def shipped() -> Path:
    """The folder of a suite with the bundles of the undefended system and of the control."""
    results = registry.results()
    assert results is not None
    return sorted(path.parent for path in results.glob(f"prototype-quick@*/{CONTROL}.jsonl.gz"))[-1]


def collected(folder: Path) -> Collected:
    gathered = Collected()
    for name in ("none", CONTROL):
        records, manifest = read_once(folder / f"{name}.jsonl.gz")
        gathered.manifests[name] = manifest or {}
        for record in records:
            gathered.add(record, folder)
    return gathered


def planted(records: Collected, attack: str) -> Iterator[CellRecord]:
    """The control's cells of one attack, with what the attack got from the undefended system."""
    undefended = {place(c): c for c in records.cells.values() if (c.submission, c.name) == ("none", attack)}
    for cell in records.cells.values():
        if (cell.submission, cell.name) == (CONTROL, attack) and place(cell) in undefended:
            yield cell.model_copy(update={"scores": undefended[place(cell)].scores})


def place(cell: CellRecord) -> tuple[str, ...]:
    return cell.entry, str(cell.seed), cell.variant, cell.secret, cell.coalition, cell.behaviour


def outcome(entries: list[EntryResults]) -> dict[str, bool]:
    control = Place(CONTROL, 0)
    tests = {e.entry: negative_test(e.rows[control], e) for e in entries if control in e.rows}
    return {entry: test.passed for entry, test in tests.items() if test}


def test_no_attack_beats_its_blind_guess_on_the_shipped_noise(shipped: Path) -> None:
    passed = outcome(collected(shipped).entries())
    assert len(passed) >= 2 and all(passed.values()), passed


def test_a_planted_leak_fails_its_entry_alone(shipped: Path) -> None:
    gathered = collected(shipped)
    leaks = list(planted(gathered, "mean_release"))
    gathered.cells |= {cell.key: cell for cell in leaks}
    entries = {cell.entry for cell in leaks}
    passed = outcome(gathered.entries())
    assert entries and {entry for entry, fine in passed.items() if not fine} == entries
    flags = [flag for entry in gathered.entries() for flag in negative_flags(entry, {CONTROL})]
    assert len(flags) == len(entries) and all(flag.detail.startswith("mean_release ") for flag in flags)


@pytest.mark.slow
def test_the_board_needs_the_bundles_alone(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite says what the control is, and no manifest: no submission has to be here."""
    gathered = collected(shipped)
    gathered.cells |= {cell.key: cell for cell in planted(gathered, "mean_release")}
    for name in ("none", CONTROL):
        noise_records = [record for record in gathered.all() if record.submission == name]
        write_bundle(tmp_path / f"{name}.jsonl.gz", noise_records, {"name": name} | gathered.manifests[name])
    monkeypatch.setattr(registry, "submissions", dict)
    board = open_board(build_board([tmp_path], tmp_path / "board.duckdb")).board()
    leaking = board[board["flags"].map(lambda flags: "negative_control_failed" in flags)]
    entries = {cell.entry for cell in planted(gathered, "mean_release")}
    assert set(leaking["entry"]) == entries and set(leaking["submission"]) == {"none", CONTROL}
    assert (leaking["verified"] != "verified").all()
    warnings = list(leaks_on_noise(board))
    assert [text.partition(":")[0] for text in warnings] == sorted(entries)
    assert all("noise of the right shape" in text and f"against {CONTROL}" in text for text in warnings)
