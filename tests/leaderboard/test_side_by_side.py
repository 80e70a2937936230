"""Scenarios side by side: what a board says of suites of one draw, and that no others are compared so."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import LeakboardError
from harness.store.bundles import write_bundle
from leaderboard.build import build_board
from leaderboard.export import Request, render
from leaderboard.queries import Board, open_board
from leaderboard.ranks.equal_utility import best_at, common_level
from leaderboard.side_by_side import Side, one_draw, sides
from tests.stand_ins.stored_results import Defended, records

SUITE = "side-by-side@2"
GAUSSIAN = Defended("gaussian_noise", 1, 0.3, 0.81, parameters={"clip": 10.0, "ratio": 0.5})


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """Two entries of the suite: an accurate one with a defense, and one that is less accurate and more private."""
    folder = tmp_path_factory.mktemp("sides")
    stored = [
        *records([Defended("none"), GAUSSIAN], suite=SUITE, entries=["split-training"], n=60),
        *records([Defended("none", leak=0.5, utility=0.8)], suite=SUITE, entries=["logits"], n=60),
    ]
    write_bundle(folder / "r.jsonl.gz", stored)
    return open_board(build_board([folder / "r.jsonl.gz"], folder / "sides.board.duckdb"))


@pytest.fixture
def by_entry(board: Board) -> dict[str, Side]:
    return {side.entry: side for side in sides(board, SUITE)}


def test_entries_stand_in_the_suites_order(board: Board, by_entry: dict[str, Side]) -> None:
    assert one_draw(board) == [SUITE]
    assert list(by_entry) == ["split-training", "logits"]


def test_utility_is_the_tasks_own_and_privacy_the_boards(board: Board, by_entry: dict[str, Side]) -> None:
    bare, noisy = by_entry["split-training"].curve.points
    means = board.tasks(suite=SUITE, entry="split-training").set_index("system")["value"]
    rows = board.board(suite=SUITE, entry="split-training").set_index("submission")
    assert (bare.utility, noisy.utility) == (means["undefended"], means["defended"])
    assert (bare.privacy, noisy.privacy) == (rows.loc["none", "privacy"], rows.loc["gaussian_noise", "privacy"])
    assert bare.utility_ends is not None
    assert bare.utility_ends[0] < bare.utility < bare.utility_ends[1]
    assert bare.name == "undefended"


def test_at_equal_utility_the_defended_point_counts_only_below_its_accuracy(by_entry: dict[str, Side]) -> None:
    curves = {name: side.curve for name, side in by_entry.items()}
    level = common_level(curves)
    (logits,) = curves["logits"].points
    assert level == logits.utility
    at_level, below = (best_at(curves["split-training"], share * level) for share in (1.0, 0.9))
    assert at_level is not None
    assert below is not None
    assert at_level.name == "undefended"
    assert below.name.startswith("gaussian_noise")


def test_kinds_of_secrets_and_what_does_not_apply(by_entry: dict[str, Side]) -> None:
    side = by_entry["split-training"]
    leak = side.leaks["undefended"]["texts"]
    assert leak is not None
    assert leak.attack == "vocabulary_matching"
    assert leak.ends[0] <= leak.advantage <= leak.ends[1]
    assert "membership" not in side.leaks["undefended"]
    assert side.secrets == {"texts", "labels"}


def test_the_figure_repeats_and_needs_a_suite_of_one_draw(board: Board, tiny: Path) -> None:
    request = Request("equal-utility", "svg", (SUITE,), date="2026-01-02")
    assert render(board, request) == render(board, request)
    with pytest.raises(LeakboardError, match="one_draw"):
        render(open_board(tiny), Request("equal-utility", "svg", date="2026-01-02"))


def test_rows_whose_numbers_do_not_hold_are_left_out_with_the_reason(tmp_path: Path) -> None:
    rows = [Defended("none"), Defended("gaussian_noise", 1, 0.3, 0.81, isolation="none")]
    write_bundle(tmp_path / "r.jsonl.gz", [*records(rows, suite=SUITE, entries=["logits"])])
    (side,) = sides(open_board(build_board([tmp_path / "r.jsonl.gz"], tmp_path / "b.board.duckdb")), SUITE)
    assert [point.name for point in side.curve.points] == ["undefended"]
    ((name, reason),) = side.left_out.items()
    assert name.startswith("gaussian_noise")
    assert reason
