"""Rows that a request means on a board."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import LeakboardError, UnknownName
from leaderboard.export import Request, render
from leaderboard.export.frames import requested_rows
from leaderboard.queries import Board


def test_names_that_the_board_does_not_have(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    with pytest.raises(UnknownName) as error:
        render(board("tiny"), ask(suite=("quik",), submission=("gausian_noise#1",), entry=("skills-cut0",)))
    assert "did you mean gaussian_noise?" in str(error.value) and "quik" in str(error.value)
    with pytest.raises(LeakboardError, match="no rows of none#7"):
        render(board("tiny"), ask(submission=("none#7",)))


def test_filters(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    tiny = board("tiny")
    suite = tiny.suites()["suite"].iloc[0].partition("@")[0]
    wanted = ask(submission=("none", "gaussian_noise#2"), entry=("skills-cut25",), suite=(suite,))
    selected = requested_rows(tiny, wanted, "board")
    assert set(zip(selected["submission"], selected["point"], strict=True)) == {("none", 0), ("gaussian_noise", 2)}
    assert set(selected["entry"]) == {"skills-cut25"}
    pairs = requested_rows(tiny, ask(submission=("none", "gaussian_noise#2"), scenario=("split_llm",)), "pairs")
    sides = set(zip(pairs["a_submission"], pairs["a_point"], strict=True)) | set(
        zip(pairs["b_submission"], pairs["b_point"], strict=True)
    )
    assert sides == {("none", 0), ("gaussian_noise", 2)}
    assert len(requested_rows(tiny, ask(scenario=("split_llm",)), "attacks")) == len(tiny.attacks())


def test_rows_keep_the_boards_order(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    plain = requested_rows(board("tiny"), ask(), "board")
    filtered = requested_rows(board("tiny"), ask(scenario=("split_llm",)), "board")
    assert plain[["entry", "submission", "point"]].equals(filtered[["entry", "submission", "point"]])


def test_weights_change_ranks_as_the_boards_own_function_does(
    board: Callable[[str], Board], ask: Callable[..., Request]
) -> None:
    from leaderboard.queries import with_weights

    reweighted = requested_rows(board("tiny"), ask(weights=(0.0, 1.0, 0.0)), "board")
    expected = with_weights(board("tiny").board(), 0.0, 1.0, 0.0)
    key = ["entry", "submission", "point"]
    assert reweighted.set_index(key)["rank"].to_dict() == expected.set_index(key)["rank"].to_dict()
