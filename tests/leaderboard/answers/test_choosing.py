"""A choice among rows whose order is known: wishes, budgets, what beats what, and one adversary's view."""

from __future__ import annotations

from typing import Any

import pytest

from leaderboard.answers.choosing import Wish, choose, seen_by

Row = dict[str, Any]


def row(name: str, privacy: float, utility: float, cost: float = 1.0, half: float = 0.05, **more: Any) -> Row:
    numbers = {"privacy": privacy, "privacy_low": privacy - half, "privacy_high": privacy + half}
    numbers |= {"utility": utility, "utility_low": utility - half, "utility_high": utility + half}
    costs = {"bytes": 100 * cost, "flops": 100.0, "peak_memory": 100.0, "efficiency": min(1.0, 1 / cost)}
    rest: Row = {
        "suite": "s@1",
        "entry": "e",
        "status": "ok",
        "reason": None,
        "flags": [],
        "label": "",
        "strongest": "a",
    }
    return {"submission": name, "point": 0, "title": name, **rest, **numbers, **costs, **more}


BARE = row("none", 0.2, 1.0)


def names(rows: list[Row], wish: Wish | None = None) -> list[str]:
    return [option.row["submission"] for option in choose(rows, [], wish or Wish()).options]


def test_what_is_significantly_better_and_no_dearer_beats() -> None:
    rows = [BARE, row("good", 0.6, 1.0), row("worse", 0.3, 1.0), row("close", 0.55, 1.02)]
    assert names(rows) == ["good", "close"]
    assert "Good" not in choose(rows, [], Wish()).left_out[("worse", 0)]
    assert "good is significantly better" in choose(rows, [], Wish()).left_out[("worse", 0)]


def test_a_dearer_defense_does_not_beat_the_undefended_system() -> None:
    assert names([BARE, row("dear", 0.6, 1.0, cost=3.0)]) == ["dear", "none"]
    assert names([BARE, row("dear", 0.6, 1.0, cost=1.04)]) == ["dear"]  # within noise


def test_budgets_and_the_least_utility() -> None:
    rows = [BARE, row("dear", 0.6, 1.0, cost=3.0), row("weak", 0.9, 0.5)]
    choice = choose(rows, [], Wish(budgets={"bytes": 2.0}))
    assert [option.row["submission"] for option in choice.options] == ["none"]
    assert "3.0 times the bytes" in choice.left_out[("dear", 0)]
    assert "below 0.9" in choice.left_out[("weak", 0)]
    assert names(rows, Wish(least=0.4)) == ["weak", "dear", "none"]


@pytest.mark.parametrize("flag", ["bypass", "negative_control", "differs_in_simulation"])
def test_rows_whose_numbers_do_not_hold_are_no_option(flag: str) -> None:
    choice = choose([BARE, row("x", 0.9, 1.0, flags=[flag])], [], Wish())
    assert [option.row["submission"] for option in choice.options] == ["none"]
    assert "do not hold" in choice.left_out[("x", 0)]


def test_doubt_about_utility_is_said() -> None:
    (option,) = choose([row("x", 0.6, 0.92)], [], Wish()).options
    assert not option.sure and "may lie below 0.9" in option.why


def test_one_adversary_s_privacy_is_one_minus_its_strongest_attack() -> None:
    def attack(coalition: str, advantage: float, **more: Any) -> Row:
        ends = {"advantage": advantage, "advantage_low": advantage - 0.1, "advantage_high": advantage + 0.1}
        return {"submission": "none", "point": 0, "attack": "a", "variant": "", "coalition": coalition, **ends, **more}

    attacks = [
        attack(c, v, counts=True, aggregate=False) for c, v in (("server", 0.8), ("client", 0.3), ("client", 0.1))
    ]
    attacks.append(attack("client", 1.0, counts=False, aggregate=False))
    (seen,) = seen_by([BARE, row("x", 0.5, 1.0)], attacks, "client")
    assert (seen["privacy"], seen["privacy_low"], seen["privacy_high"]) == pytest.approx((0.7, 0.6, 0.8))
