"""Requests: what is possible, what they mean on a board, and the command that repeats them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import LeakboardError, UnknownName
from leaderboard.export import Request, render
from leaderboard.export.frames import rows
from leaderboard.export.request import check, command_of
from leaderboard.queries import Board


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(LeakboardError) as error:
        check(Request("bord", "pdf", intervals="bars", width="wide", digits=0))
    for word in ("bord", "bars", "wide", "digits 0"):
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("board", "pdf"), "board has no pdf"),
        (Request("forest", "latex"), "forest has no latex"),
        (Request("overall", "csv", entry=("sms-cut0",)), "over all entries"),
        (Request("attacks", "csv", weights=(1.0, 0.0, 0.0)), "weights apply to board"),
    ],
)
def test_what_does_not_go_together(request_: Request, words: str) -> None:
    with pytest.raises(LeakboardError, match=words):
        check(request_)


def test_names_that_the_board_does_not_have(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    with pytest.raises(UnknownName) as error:
        render(board("tiny"), ask(suite=("quik",), submission=("gausian_noise#1",), entry=("sms-cut0",)))
    assert "did you mean gaussian_noise?" in str(error.value) and "quik" in str(error.value)
    with pytest.raises(LeakboardError, match="no rows of none#7"):
        render(board("tiny"), ask(submission=("none#7",)))


def test_filters(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    tiny = board("tiny")
    suite = tiny.suites()["suite"].iloc[0].partition("@")[0]
    wanted = ask(submission=("none", "gaussian_noise#2"), entry=("sms-cut25",), suite=(suite,))
    found = rows(tiny, wanted, "board")
    assert set(zip(found["submission"], found["point"], strict=True)) == {("none", 0), ("gaussian_noise", 2)}
    assert set(found["entry"]) == {"sms-cut25"}
    pairs = rows(tiny, ask(submission=("none", "gaussian_noise#2"), scenario=("split_llm",)), "pairs")
    sides = set(zip(pairs["a_submission"], pairs["a_point"], strict=True)) | set(
        zip(pairs["b_submission"], pairs["b_point"], strict=True)
    )
    assert sides == {("none", 0), ("gaussian_noise", 2)}
    assert len(rows(tiny, ask(scenario=("split_llm",)), "attacks")) == len(tiny.attacks())


def test_rows_keep_the_boards_order(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    plain = rows(board("tiny"), ask(), "board")
    filtered = rows(board("tiny"), ask(scenario=("split_llm",)), "board")
    assert plain[["entry", "submission", "point"]].equals(filtered[["entry", "submission", "point"]])


def test_weights_change_ranks_as_the_boards_own_function_does(
    board: Callable[[str], Board], ask: Callable[..., Request]
) -> None:
    from leaderboard.queries import with_weights

    found = rows(board("tiny"), ask(weights=(0.0, 1.0, 0.0)), "board")
    expected = with_weights(board("tiny").board(), 0.0, 1.0, 0.0)
    key = ["entry", "submission", "point"]
    assert found.set_index(key)["rank"].to_dict() == expected.set_index(key)["rank"].to_dict()


def test_command_repeats_the_request() -> None:
    made = Request(
        "board", "csv", suite=("quick@1",), submission=("a b", "none#0"), intervals="none", width="single", digits=3,
        weights=(0.5, 0.25, 0.25), cite=False, comment=False, store="x.duckdb", date="2026-01-02",
    )  # fmt: skip
    assert command_of(made) == (
        "leakboard export board --format csv --suite quick@1 --submission 'a b' --submission 'none#0' --intervals none "
        "--width single --digits 3 --weights 0.5,0.25,0.25 --no-cite --no-comment --store x.duckdb"
    )
    assert command_of(Request()) == "leakboard export board --format latex"
