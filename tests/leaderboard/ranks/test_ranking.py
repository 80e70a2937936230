"""Ranks, groups and tiers against slow definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import LeakboardError
from harness.score import WEIGHTS, pue
from leaderboard.queries import open_board
from leaderboard.ranks import interval_groups, pareto, pareto_tiers, places, with_weights
from tests.stand_ins.large_board import big_board


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return open_board(big_board(tmp_path_factory.mktemp("big") / "b.duckdb", 60, 3, 2, 2, 1)).board()


def dominated(p: Any, u: Any, i: int, rows: list[int]) -> bool:
    """Some row is significantly better in one and no worse in the other; (value, low, high) each."""
    return any((p[1][j] > p[2][i] and u[0][j] >= u[0][i]) or (u[1][j] > u[2][i] and p[0][j] >= p[0][i]) for j in rows)


@pytest.mark.parametrize("seed", range(5))
def test_tiers_are_those_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    middle, width = rng.random((2, 60)), rng.choice([0.0, 0.02, 0.1, 0.3], (2, 60))
    p, u = ((m, m - w, m + w) for m, w in zip(middle, width, strict=True))
    tiers = pareto_tiers(p, u)
    left, number = list(range(60)), 0
    while left:
        number += 1
        free = [i for i in left if not dominated(p, u, i, left)]
        assert free == [i for i in left if tiers[i] == number]
        left = [i for i in left if i not in free]


def test_without_width_tiers_are_classic_fronts() -> None:
    p, u = np.array([0.9, 0.5, 0.5, 0.1, 0.4]), np.array([0.1, 0.5, 0.4, 0.9, 0.3])
    assert pareto_tiers((p, p, p), (u, u, u)).tolist() == [1, 1, 2, 1, 3]


def test_differences_within_noise_dominate_nothing() -> None:
    p = np.array([0.55, 0.57]), np.array([0.5, 0.52]), np.array([0.6, 0.62])
    assert pareto_tiers(p, p).tolist() == [1, 1]


def test_pue_of_many_rows_is_pue_of_each() -> None:
    rng = np.random.default_rng(0)
    rows = rng.uniform(-0.2, 1.3, (50, 2)), rng.random(50)
    values = pue(rows[0][:, 0], rows[0][:, 1], rows[1])
    assert values == pytest.approx([pue(p, u, e) for (p, u), e in zip(rows[0], rows[1], strict=True)])


def test_equal_values_share_a_place() -> None:
    assert places(np.array([0.5, 0.9, 0.5, 0.1])).tolist() == [2, 1, 2, 4]


def test_interval_groups_reach_the_best_of_what_is_left() -> None:
    ends = np.array([[0.9, 0.85, 0.95], [0.8, 0.7, 0.86], [0.5, 0.4, 0.6], [0.45, 0.2, 0.6]])
    assert interval_groups(*ends.T).tolist() == [1, 1, 2, 2]


def test_default_weights_keep_what_is_stored(large: pd.DataFrame) -> None:
    assert with_weights(large, *WEIGHTS) is large


def test_weights_change_ranks_but_not_rows(large: pd.DataFrame) -> None:
    reweighted = with_weights(large, 1.0, 0.0, 0.0)
    keys = ["entry", "submission", "point"]
    assert set(map(tuple, reweighted[keys].to_numpy())) == set(map(tuple, large[keys].to_numpy()))
    bare = reweighted["submission"] == "none"
    assert reweighted.loc[bare, ["rank", "group"]].isna().all(axis=None)
    for _, rows in reweighted[reweighted["ranked"] & ~bare].groupby("entry"):
        assert rows["rank"].is_monotonic_increasing
        assert rows["privacy_low"].is_monotonic_decreasing
        assert rows["group"].min() == 1
    assert reweighted.loc[~reweighted["ranked"], "rank"].isna().all()


def test_weights_must_be_shares(large: pd.DataFrame) -> None:
    with pytest.raises(LeakboardError, match="weights"):
        with_weights(large, 0.9, 0.9, 0.1)


def test_sending_noise_is_never_on_the_front(large: pd.DataFrame) -> None:
    tiers = pareto(large.assign(utility=large["utility"].where(large["submission"] != "defense_0001", 0.1)))
    noise = tiers[tiers["submission"] == "defense_0001"]
    assert len(noise) and not noise["on_front"].any()
    assert tiers["on_front"].any()
    assert (tiers.loc[tiers["on_front"], "utility_low"] >= 0.5).all()


def test_flagged_rows_take_no_part_in_tiers(large: pd.DataFrame) -> None:
    flags = [["bypass"] if name == "defense_0002" else [] for name in large["submission"]]
    tiers = pareto(large.assign(flags=pd.Series(flags, dtype=object, index=large.index)))
    assert tiers.loc[tiers["submission"] == "defense_0002", "tier"].isna().all()


def test_an_empty_frame_stays_empty(large: pd.DataFrame, tmp_path: Path) -> None:
    nothing = large.iloc[:0]
    assert len(pareto(nothing)) == 0
    assert len(with_weights(nothing, 0.2, 0.3, 0.5)) == 0


def test_memory_noise_decides_no_rank() -> None:
    """Defect 8: rows alike in privacy, utility and every counted cost were ranked by their peak memory."""
    parts = np.array([[0.5, 0.9], [0.5, 0.9], [0.5, 0.9], [0.4, 0.9]])
    costs = np.array(
        [[10.0, 7.0, 100.0, 3.0], [10.0, 7.0, 103.0, 3.0], [10.0, 7.0, 120.0, 3.0], [10.0, 7.0, 100.0, 3.0]]
    )
    value = np.array([0.7, 0.6995, 0.697, 0.66])
    assert places(value, parts, costs).tolist() == [1, 1, 3, 4]
    assert places(value).tolist() == [1, 2, 3, 4]
    assert places(np.array([0.5, 0.6 + 4e-7, 0.6])).tolist() == [3, 1, 1]
