"""Two collections side by side: nothing differs from itself, and a planted difference is found with its sign."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.bundles import write_bundle
from leaderboard.compare import compare_records
from tests.stand_ins.stored_results import Defended, records

NONE = Defended("none")


def pair(tmp_path: Path, *sides: Defended) -> tuple[Path, Path]:
    places = (tmp_path / "a" / "r.jsonl.gz", tmp_path / "b" / "r.jsonl.gz")
    for place, row in zip(places, sides, strict=True):
        write_bundle(place, list(records((NONE, row), entries=("skills-cut0",))))
    return places[0].parent, places[1].parent


def test_records_are_the_same_as_themselves(tmp_path: Path) -> None:
    row = Defended("gaussian_noise", 0, 0.5, 0.8)
    compared, only_a, only_b = compare_records(*pair(tmp_path, row, row))
    assert (only_a, only_b) == ([], []) and len(compared) == 2
    assert all(c.same and all(d.value == 0 == d.low for d in c.differences) for c in compared)


def test_a_planted_difference_is_found(tmp_path: Path) -> None:
    """A leaks 0.3 less: privacy is higher there, and the interval of the difference holds the planted value."""
    better, worse = Defended("gaussian_noise", 0, 0.3, 0.8), Defended("gaussian_noise", 0, 0.6, 0.8)
    compared, _, _ = compare_records(*pair(tmp_path, better, worse))
    (row,) = [c for c in compared if c.submission == "gaussian_noise"]
    shown = {d.measure: d for d in row.differences}
    assert not row.same and set(shown) == {"privacy", "utility", "pue"}
    assert shown["privacy"].low > 0 and shown["privacy"].p < 0.01
    assert shown["privacy"].low < 0.3 < shown["privacy"].high + 0.05
    (bare,) = [c for c in compared if c.submission == "none"]
    assert bare.same


def test_rows_of_one_side_alone_are_named(tmp_path: Path) -> None:
    sides = pair(tmp_path, Defended("gaussian_noise", 0, 0.5), Defended("stranger", 0, 0.5))
    compared, only_a, only_b = compare_records(*sides)
    assert [c.submission for c in compared] == ["none"]
    assert only_a == ["standard-small@2 skills-cut0 gaussian_noise point 0"]
    assert only_b[0].startswith("standard-small@2 skills-cut0 stranger")


@pytest.mark.parametrize("seed", range(3))
def test_two_draws_of_one_row_do_not_differ(tmp_path: Path, seed: int) -> None:
    """The negative control: the same truth with other noise."""
    for side, noise in (("a", 0), ("b", seed + 1)):
        rows = (NONE, Defended("gaussian_noise", 0, 0.5, 0.8))
        write_bundle(tmp_path / side / "r.jsonl.gz", list(records(rows, entries=("skills-cut0",), noise=noise)))
    compared, _, _ = compare_records(tmp_path / "a", tmp_path / "b")
    assert all(d.p > 0.01 for c in compared for d in c.differences)
