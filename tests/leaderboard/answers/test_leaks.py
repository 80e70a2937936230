"""One bar per scenario and adversary: the strongest attack that counts, of the entry whose ranks count most."""

from __future__ import annotations

from typing import Any

from leaderboard.answers.leaks import undefended_leaks

Row = dict[str, Any]


def bare(entry: str, **more: Any) -> Row:
    common = {"suite": "s@1", "scenario": "toy", "submission": "none", "indicative": False, "utility": 1.0, "seeds": 5}
    return {**common, "entry": entry, **more}


def attack(entry: str, name: str, advantage: float | None, **more: Any) -> Row:
    common = {
        "suite": "s@1",
        "submission": "none",
        "variant": "",
        "coalition": "server",
        "secret": "text",
        "metric": "m",
    }
    numbers = {"value": 0.8, "value_low": 0.7, "value_high": 0.9, "floor": 0.1, "n": 50}
    ends = {"advantage_low": 0.01 if advantage else None, "counts": True, "aggregate": False}
    return {**common, **numbers, **ends, "entry": entry, "attack": name, "advantage": advantage, **more}


def test_the_strongest_that_counts_of_each_adversary() -> None:
    rows = [
        attack("a", "weak", 0.2),
        attack("a", "strong", 0.7),
        attack("a", "void", 0.9, counts=False),
        attack("a", "shares", 0.9, aggregate=True),
        attack("a", "none", None),
        attack("a", "defended", 0.9, submission="x"),
        attack("a", "client", 0.0, coalition="client", advantage_low=-0.1),
    ]
    leaks = undefended_leaks(rows, [bare("a")])
    assert [(leak.adversary, leak.attack, leak.significant) for leak in leaks] == [
        ("client", "client", False),
        ("server", "strong", True),
    ]
    assert leaks[1].ends == (0.7, 0.9) and leaks[1].floor == 0.1


def test_the_entry_is_chosen_by_its_ranks_and_not_by_what_leaks_most() -> None:
    rows = [attack("quick", "loud", 1.0), attack("ranked", "quiet", 0.3)]
    leaks = undefended_leaks(rows, [bare("quick", indicative=True), bare("ranked")])
    assert [leak.entry for leak in leaks] == ["ranked"]
