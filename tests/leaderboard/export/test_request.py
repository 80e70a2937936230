"""Requests: what is possible, and the command that repeats them."""

from __future__ import annotations

import pytest

from harness.errors import LeakboardError
from leaderboard.export import Request
from leaderboard.export.request import check_request, command_of


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(LeakboardError) as error:
        check_request(Request("bord", "pdf", intervals="bars", width="wide", digits=0))
    for word in ("bord", "bars", "wide", "digits 0"):
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("board", "pdf"), "board has no pdf"),
        (Request("forest", "latex"), "forest has no latex"),
        (Request("overall", "csv", entry=("skills-cut0",)), "over all entries"),
        (Request("attacks", "csv", weights=(1.0, 0.0, 0.0)), "weights apply to board"),
    ],
)
def test_what_does_not_go_together(request_: Request, words: str) -> None:
    with pytest.raises(LeakboardError, match=words):
        check_request(request_)


def test_command_repeats_the_request() -> None:
    request = Request(
        "board",
        "csv",
        suite=("quick@1",),
        submission=("a b", "none#0"),
        intervals="none",
        width="single",
        digits=3,
        weights=(0.5, 0.25, 0.25),
        cite=False,
        comment=False,
        store="x.duckdb",
        date="2026-01-02",
    )
    assert command_of(request) == (
        "leakboard export board --format csv --suite quick@1 --submission 'a b' --submission 'none#0' --intervals none "
        "--width single --digits 3 --weights 0.5,0.25,0.25 --no-cite --no-comment --store x.duckdb"
    )
    assert command_of(Request()) == "leakboard export board --format latex"
