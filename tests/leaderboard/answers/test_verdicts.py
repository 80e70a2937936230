"""Sentences about an entry: each kind from rows whose answer is known, and the numbers that stand in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leaderboard.answers.gains import gains, with_gain
from leaderboard.answers.numbers import rows_of
from leaderboard.answers.verdicts import Verdict, by_scenario, verdict, verdicts
from leaderboard.queries import open_board

Row = dict[str, Any]


def row(submission: str, privacy: float, utility: float | None, *, half: float = 0.05, **more: Any) -> Row:
    ends = {f"{n}{e}": v for n, m in (("privacy", privacy), ("utility", utility)) for e, v in around(m, half).items()}
    return {
        "suite": "s@1",
        "entry": "e",
        "scenario": "toy",
        "submission": submission,
        "point": 0,
        "title": submission.title(),
        "label": "",
        "status": "ok",
        "flags": [],
        "seeds": 5,
        "rank": 1,
        "indicative": False,
        **ends,
        **more,
    }


def around(value: float | None, half: float) -> dict[str, float | None]:
    if value is None:
        return {"": None, "_low": None, "_high": None}
    return {"": value, "_low": value - half, "_high": value + half}


def pair(submission: str, gain: float, half: float, p: float = 0.001) -> Row:
    """None minus the submission, as the builder stores it."""
    return {
        "suite": "s@1",
        "entry": "e",
        "measure": "privacy",
        "a_submission": "none",
        "a_point": 0,
        "b_submission": submission,
        "b_point": 0,
        "difference": -gain,
        "low": -gain - half,
        "high": -gain + half,
        "p_holm": p,
    }


BARE = row("none", 0.2, 1.0)


def test_a_defense_that_keeps_both_helps_and_its_numbers_are_said() -> None:
    said = verdict([BARE, row("good", 0.6, 0.97)], [pair("good", 0.4, 0.1)])
    assert (said.kind, said.best) == ("helps", ("good", 0))
    assert said.text == (
        "Best at utility of at least 0.9: Good keeps privacy 0.60 [0.55, 0.65] at utility 0.97 [0.92, 1.02], "
        "where the undefended system has 0.20 [0.15, 0.25]: +0.40 [+0.30, +0.50] gained."
    )
    assert said.condition == ""


@pytest.mark.parametrize(
    ("defended", "test", "kind"),
    [
        (row("x", 0.6, 0.92), pair("x", 0.4, 0.1), "unsettled"),  # the interval of utility reaches below 0.9
        (row("x", 0.6, 0.97), pair("x", 0.4, 0.5, p=0.2), "nothing"),  # a gain within noise is none
        (row("x", 0.6, 0.97), pair("x", 0.4, 0.1, p=0.06), "nothing"),  # nor one that the correction takes away
        (row("x", 0.9, 0.5), pair("x", 0.7, 0.1), "nothing"),  # privacy for less utility is no gain at equal utility
        (row("x", 0.6, None), pair("x", 0.4, 0.1), "no utility"),
        (row("x", 0.6, 0.97, flags=["bypass"]), pair("x", 0.4, 0.1), "untested"),  # numbers that do not hold
        (row("x", 1.0, 0.97, flags=["negative_control"]), pair("x", 0.8, 0.1), "untested"),
        (row("x", 0.6, 0.97, status="error"), pair("x", 0.4, 0.1), "untested"),
    ],
)
def test_kinds(defended: Row, test: Row, kind: str) -> None:
    assert verdict([BARE, defended], [test]).kind == kind


def test_the_best_is_the_most_private_of_those_that_are_useful_beyond_doubt() -> None:
    rows = [BARE, row("sure", 0.5, 0.97), row("risky", 0.8, 0.91), row("noise", 1.0, -0.5)]
    pairs = [pair("sure", 0.3, 0.1), pair("risky", 0.6, 0.1), pair("noise", 0.8, 0.1)]
    assert verdict(rows, pairs).best == ("sure", 0)
    assert verdict(rows, pairs, least=0.85).best == ("risky", 0)


def test_what_does_not_leak_has_no_trade_off() -> None:
    bare = row("none", 0.97, 1.0)  # the interval reaches 1
    assert verdict([bare, row("x", 1.0, 1.0)], [pair("x", 0.03, 0.01)]).kind == "no leak"


@pytest.mark.parametrize("more", [{"status": "void"}, {"privacy": None}, {"flags": ["negative_control_failed"]}])
def test_without_a_sound_reference_nothing_is_said(more: Row) -> None:
    assert verdict([BARE | more, row("x", 0.6, 0.97)], [pair("x", 0.4, 0.1)]).kind == "no result"
    assert verdict([row("x", 0.6, 0.97)], []).kind == "no result"


def test_one_seed_is_a_condition() -> None:
    assert verdict([BARE | {"seeds": 1}], []).condition.startswith("One seed: conditional on it")
    assert "indicative" in verdict([BARE | {"indicative": True}], []).condition


def test_gains_are_turned_towards_the_defense_and_never_those_of_the_undefended() -> None:
    turned = {**pair("x", 0.4, 0.1), "a_submission": "x", "b_submission": "none", "difference": 0.4}
    turned |= {"low": 0.3, "high": 0.5}
    rows = [BARE, row("x", 0.6, 1.0), row("y", 0.5, 1.0)]
    for test in (pair("x", 0.4, 0.1), turned):
        gained = gains(rows, [test])
        assert gained["s@1", "e", "x", 0] == pytest.approx(
            {"gain": 0.4, "gain_low": 0.3, "gain_high": 0.5, "gain_p": 0.001}
        )
        assert gained["s@1", "e", "y", 0]["gain_low"] is None and ("s@1", "e", "none", 0) not in gained


def test_the_entry_with_ranks_that_count_comes_first_whatever_it_says() -> None:
    def item(entry: str, kind: Any, **more: Any) -> Verdict:
        return Verdict("s@1", entry, "toy", kind, "", "", **{"indicative": True, **more})

    items = [item("a", "helps", ranked=9), item("b", "nothing", ranked=1, indicative=False), item("c", "helps")]
    assert [v.entry for v in by_scenario(items)["toy"]] == ["b", "a", "c"]


def test_every_entry_of_a_real_board_has_a_sentence_with_the_board_s_numbers(tiny: Path, ragged: Path) -> None:
    for path in (tiny, ragged):
        board = open_board(path)
        frame, pairs = board.board(), board.table("pairs")
        every = verdicts(rows_of(frame), rows_of(pairs))
        assert len(every) == len(frame[["suite", "entry"]].drop_duplicates())
        assert all(item.text.endswith(".") and "nan" not in item.text for item in every)
        extended = with_gain(frame, pairs)
        assert extended.loc[frame["submission"] == "none", "gain"].isna().all()
        below = frame["utility"].astype(float) < 0.9
        assert extended.loc[below, "gain"].isna().all()


def test_the_sentences_of_the_synthetic_board_are_true(tiny: Path) -> None:
    board = open_board(tiny)
    frame = board.board()
    for item in verdicts(rows_of(frame), rows_of(board.table("pairs"))):
        if item.best is None:
            continue
        rows = frame[(frame["entry"] == item.entry) & (frame["submission"] == item.best[0])]
        best = rows[rows["point"] == item.best[1]].iloc[0]
        assert best["utility"] >= 0.9 and f"privacy {best['privacy']:.2f}" in item.text


def test_an_empty_board_has_no_verdict(empty: Path, kept_open: Callable[[Path], Path]) -> None:
    assert verdicts(rows_of(open_board(empty).board()), []) == []
