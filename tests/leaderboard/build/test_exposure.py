"""Records that fall: by each statistic as its definition says, and the overlap of attacks whose hits are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.score import AttackScores, Mean, TprAtFpr
from leaderboard.answers.numbers import rows_of
from leaderboard.build.exposure import fallen
from leaderboard.queries import open_board


def test_texts_fall_where_half_is_recovered() -> None:
    hits, able = fallen(AttackScores("a", "m", {0: {"x": 0.5, "y": 0.49, "z": 1.0}, 1: {"x": 0.0}}, Mean()))
    assert hits == {(0, "x"), (0, "z")}
    assert able == {(0, "x"), (0, "y"), (0, "z"), (1, "x")}


@pytest.mark.parametrize("seed", range(3))
def test_members_fall_above_the_threshold_and_others_never(seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = {f"m{i}": float(v) for i, v in enumerate(rng.normal(1, 1, 40))}
    outsiders = {f"o{i}": float(v) for i, v in enumerate(rng.normal(0, 1, 40))}
    labels = {0: dict.fromkeys(members, 1) | dict.fromkeys(outsiders, 0)}
    hits, able = fallen(AttackScores("a", "m", {0: members | outsiders}, TprAtFpr(0.1), labels))
    barrier = sorted(outsiders.values())[-5]  # 4 of 40 outsiders lie above
    assert hits == {(0, name) for name, value in members.items() if value > barrier}
    assert able == {(0, name) for name in members}


def test_overlap_of_a_real_board_is_that_of_sets(tiny: Path) -> None:
    board = open_board(tiny)
    pairs, attacks = rows_of(board.overlap()), board.attacks()
    assert pairs
    for pair in pairs:
        assert pair["both"] <= min(pair["a_records"], pair["b_records"]) <= pair["either"] <= pair["n"]
        assert pair["both"] + pair["either"] == pair["a_records"] + pair["b_records"]
        if pair["a"] == pair["b"]:
            assert pair["both"] == pair["either"] == pair["a_records"]
    exact = [pair for pair in pairs if pair["a"] == pair["b"] and pair["metric"] == "exact_match"]
    for pair in exact:
        name, variant = pair["a"].split()
        chosen = attacks[(attacks["attack"] == name) & (attacks["variant"] == variant)]
        chosen = chosen[(chosen["entry"] == pair["entry"]) & (chosen["metric"] == "exact_match")]
        assert pair["both"] / pair["n"] == pytest.approx(chosen["value"].iloc[0])


def test_exposed_records_name_the_attacks_that_were_after_them(tiny: Path) -> None:
    rows = rows_of(open_board(tiny).exposed())
    assert rows
    assert all(1 <= len(row["attacks"]) <= row["tried"] for row in rows)
