"""Scores over a scenario set and headline numbers: closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from leaderboard.ranks import headline_rows, overall_rows
from leaderboard.ranks.overall import hypervolume, interpolated

SET = {"s@1": [("e1", "split"), ("e2", "fusion")]}


def row(entry: str, name: str, point: int = 0, **values: Any) -> dict[str, Any]:
    scenario = dict(SET["s@1"])[entry]
    start = {"privacy": 0.5, "utility": 0.95, "efficiency": 0.9, "pue": 0.7, "ranked": True, "status": "ok"}
    return {
        "suite": "s@1",
        "entry": entry,
        "scenario": scenario,
        "submission": name,
        "point": point,
        "title": name,
        "label": "",
        "indicative": False,
        "flags": [],
        "reason": None,
        **start,
        **values,
        **{f"{n}_low": values.get(f"{n}_low", (start | values)[n]) for n in ("privacy", "utility")},
    }


def overall(board: list[dict[str, Any]], declared: dict[str, list[str]]) -> dict[tuple[str, int], dict[str, Any]]:
    rows = overall_rows(board, headline_rows(board), SET, declared, {})
    return {(r["submission"], r["point"]): r for r in rows}


def test_overall_is_the_minimum_and_what_is_not_declared_takes_the_values_of_none() -> None:
    board = [
        row("e1", "none", pue=0.6),
        row("e2", "none", pue=0.55),
        row("e1", "a", pue=0.9),
        row("e1", "b", pue=0.9),
        row("e2", "b", pue=0.8),
    ]
    overall_of = overall(board, {"none": ["*"], "a": ["split"], "b": ["*"]})
    assert (overall_of["a", 0]["pue"], overall_of["a", 0]["weakest"], overall_of["a", 0]["declared"]) == (
        0.55,
        "e2",
        False,
    )
    assert (overall_of["b", 0]["pue"], overall_of["b", 0]["rank"]) == (0.8, 1)
    assert overall_of["a", 0]["rank"] == 2 and "rank" not in overall_of["none", 0]


def test_what_is_declared_but_not_measured_has_no_overall_score_and_says_why() -> None:
    board = [
        row("e1", "none"),
        row("e2", "none"),
        row("e1", "a"),
        row("e1", "v"),
        row("e2", "v", pue=None, status="void", reason="no attack has a result"),
    ]
    overall_of = overall(board, {"none": ["*"], "a": ["*"], "v": ["*"]})
    assert overall_of["a", 0]["pue"] is None and overall_of["a", 0]["reason"] == "e2: no result"
    assert overall_of["v", 0]["status"] == "void" and overall_of["v", 0]["reason"] == "e2: no attack has a result"
    assert "rank" not in overall_of["a", 0]


def test_an_entry_of_aggregate_secrets_alone_has_no_say() -> None:
    beside = row("e2", "a", pue=None, privacy=None, aggregate_leakage=0.9, ranked=False, reason="see aggregate leakage")
    overall_of = overall([row("e1", "a", pue=0.8), beside], {"a": ["*"]})
    assert (overall_of["a", 0]["pue"], overall_of["a", 0]["weakest"], overall_of["a", 0]["ranked"]) == (0.8, "e1", True)
    unmeasured = overall([row("e1", "a"), {**beside, "aggregate_leakage": None, "status": "void"}], {"a": ["*"]})
    assert unmeasured["a", 0]["pue"] is None


def test_a_row_that_is_not_ranked_somewhere_is_not_ranked_overall() -> None:
    board = [row("e1", "a"), row("e2", "a", ranked=False, reason="below the utility floor")]
    overall_of = overall(board, {"a": ["*"]})
    assert overall_of["a", 0]["pue"] == 0.7 and not overall_of["a", 0]["ranked"]
    assert overall_of["a", 0]["reason"] == "e2: below the utility floor"


def test_privacy_at_utility_beside_the_gaussian_curve() -> None:
    board = [
        row("e1", "none", privacy=0.0, utility=1.0),
        row("e1", "gaussian_noise", 0, privacy=0.2, utility=0.95),
        row("e1", "gaussian_noise", 1, privacy=0.6, utility=0.85),
        row("e1", "a", 0, privacy=0.3, utility=0.92),
        row("e1", "a", 1, privacy=0.8, utility=0.7),
        row("e1", "bad", privacy=0.9, utility=0.6),
        row("e1", "cheat", privacy=0.9, utility=1.0, flags=["bypass"]),
    ]
    headlines = {h["submission"]: h for h in headline_rows(board)}
    assert headlines["a"]["privacy_at_utility_90"] == 0.3 and headlines["a"]["point_at_utility_90"] == 0
    assert headlines["a"]["gaussian_at_utility_90"] == pytest.approx(0.4)
    assert headlines["bad"]["privacy_at_utility_90"] == 0.0 == headlines["cheat"]["privacy_at_utility_90"]


def test_privacy_at_utility_is_at_the_far_ends() -> None:
    """Defect 8: it was the best of point estimates at a point utility."""
    board = [
        row("e1", "wide", privacy=0.8, privacy_low=0.5, utility=0.95, utility_low=0.92),
        row("e1", "vague", privacy=0.8, privacy_low=0.5, utility=0.95, utility_low=0.85),
    ]
    headlines = {h["submission"]: h["privacy_at_utility_90"] for h in headline_rows(board)}
    assert headlines["wide"] == pytest.approx(0.5) and headlines["vague"] == 0.0


def test_points_that_differ_in_an_unused_parameter_are_no_further_draws() -> None:
    """Defect 8: one defense as six points was six draws. Truth 0.4, standard error 0.1."""
    rng = np.random.default_rng(0)
    best: dict[int, list[float]] = {1: [], 6: []}
    for _ in range(300):
        for points, reached in best.items():
            draws = 0.4 + 0.1 * rng.standard_normal(points)
            rows = [row("e1", "a", i, privacy=p, privacy_low=p - 0.196, utility=1.0) for i, p in enumerate(draws)]
            reached.append(headline_rows(rows)[0]["privacy_at_utility_90"])
    assert all(np.mean(np.array(reached) > 0.4) <= 0.05 for reached in best.values())


def test_the_curve_is_joined_by_straight_lines() -> None:
    points = [(1.0, 0.0), (0.8, 0.5), (0.5, 0.9)]
    assert interpolated(points, 0.9) == pytest.approx(0.25)
    assert interpolated(points, 0.5) == pytest.approx(0.9)
    assert interpolated(points, 1.1) == 0.0
    assert interpolated([], 0.9) == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_hypervolume_is_the_dominated_area(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = [(float(u), float(p)) for u, p in rng.uniform(-0.1, 1.2, (5, 2))]
    grid = (np.arange(400) + 0.5) / 400
    u, p = np.meshgrid(grid, grid)
    covered = np.any([(u <= a) & (p <= b) for a, b in points], axis=0)
    assert hypervolume(points) == pytest.approx(covered.mean(), abs=0.006)


def test_hypervolume_of_corners() -> None:
    assert hypervolume([]) == 0.0
    assert hypervolume([(1.0, 1.0)]) == 1.0
    assert hypervolume([(0.5, 1.0), (1.0, 0.5)]) == pytest.approx(0.75)
