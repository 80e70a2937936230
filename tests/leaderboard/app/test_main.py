"""Every page on every kind of board, without a browser: no exception, definitions in the help, escaped text."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leaderboard.queries import open_board
from tests.stand_ins import stored_results

PAGES = (
    "start",
    "board",
    "choose",
    "tradeoff",
    "defense",
    "attack",
    "scenario",
    "compare",
    "runs",
    "export",
    "news",
    "rules",
)
Open = Callable[..., Any]
Boards = Callable[[str], Path]
Tiny = tuple[str, str, str]


def words(app: Any) -> str:
    """All HTML and Markdown of a page."""
    return "\n".join(str(getattr(element.proto, "body", "")) for element in app.main)


@pytest.fixture
def tiny(boards: Boards) -> Tiny:
    """Suite and two entries of the tiny board."""
    rows = open_board(boards("tiny")).board()
    first, second, *_ = sorted(rows["entry"].unique())
    return str(rows["suite"].iloc[0]), first, second


def table(app: Any, index: int = 0) -> Any:
    return app.dataframe[index].value


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "board",
    ["empty", pytest.param("tiny", marks=pytest.mark.slow), "ragged", pytest.param("big", marks=pytest.mark.slow)],
)
def test_every_page_on_every_board(open_page: Open, board: str, page: str) -> None:
    app = open_page(board, page)
    assert not app.exception
    assert not app.error


def test_an_empty_board_says_so(open_page: Open) -> None:
    assert "leakboard evaluate" in open_page("empty").info[0].value


def test_a_missing_board_says_what_to_do(open_page: Open, tmp_path: Path) -> None:
    app = open_page(tmp_path / "none.duckdb")
    assert not app.exception
    assert "leakboard board" in app.error[0].value


def test_a_board_of_another_version_says_what_to_do(open_page: Open, tmp_path: Path) -> None:
    from leaderboard.build import write_board

    path = write_board(tmp_path / "old.duckdb", {"meta": [{"name": "schema_version", "value": "0"}]})
    app = open_page(path)
    assert not app.exception
    assert "version 0" in app.error[0].value.replace("&#46;", ".")


def test_the_board_shows_the_library_s_rows(open_page: Open, boards: Boards, tiny: Tiny) -> None:
    app = open_page("tiny", entry=tiny[2])
    rows = open_board(boards("tiny")).board(suite=tiny[0], entry=tiny[2])
    rows = rows[rows["submission"] != "none"]
    shown = pd.concat([frame.value for frame in app.dataframe])
    assert len(shown) == len(rows) > 0
    assert "the reference: privacy" in words(app)
    assert shown["about"].str.len().min() > 10
    assert set(zip(shown["submission"], shown["label"], strict=True)) == set(
        zip(rows["submission"], rows["label"], strict=True)
    )
    known = rows.set_index(["submission", "label"])["privacy"]
    for row in shown.itertuples():
        assert row.privacy == pytest.approx(known[row.submission, row.label], abs=1e-4, nan_ok=True)


def test_a_link_restores_the_filters(open_page: Open, tiny: Tiny) -> None:
    app = open_page("tiny", entry=tiny[1], name="gauss", order="utility", columns="Costs")
    shown = table(app)
    assert set(shown["submission"]) == {"gaussian_noise"}
    assert "bytes" in shown
    assert app.selectbox(key="choice_entry").value == tiny[1]
    assert app.selectbox(key="choice_order").value == "utility"


def test_choices_reach_the_address(open_page: Open, tiny: Tiny) -> None:
    app = open_page("tiny")
    app.selectbox(key="choice_entry").set_value(tiny[2]).run()
    assert app.query_params["entry"] in (tiny[2], [tiny[2]])
    assert app.query_params["suite"] in (tiny[0], [tiny[0]])


def test_a_choice_follows_from_page_to_page(open_page: Open, tiny: Tiny) -> None:
    app = open_page("tiny")
    app.selectbox(key="choice_entry").set_value(tiny[2]).run()
    app.switch_page("views/tradeoff.py").run()
    assert app.selectbox(key="choice_entry").value == tiny[2]


def test_a_link_to_something_unknown_is_told(open_page: Open, tiny: Tiny) -> None:
    app = open_page("tiny", entry="<b>nowhere</b>")
    assert not app.exception
    assert "does not have" in app.warning[0].value
    assert "<b>" not in app.warning[0].value


def test_weights_change_pue_as_the_library_says(open_page: Open, boards: Boards, tiny: Tiny) -> None:
    from leaderboard.queries import with_weights

    app = open_page("tiny", entry=tiny[2], w_privacy="0.8", w_utility="0.1", w_efficiency="0.1")
    rows = open_board(boards("tiny")).board(suite=tiny[0], entry=tiny[2])
    expected = with_weights(rows, 0.8, 0.1, 0.1).set_index(["submission", "label"])["pue"]
    for row in table(app).itertuples():
        assert row.pue == pytest.approx(expected[row.submission, row.label], abs=1e-4, nan_ok=True)


def test_weights_of_zero_fall_back(open_page: Open, tiny: Tiny) -> None:
    app = open_page("tiny", w_privacy="0.0", w_utility="0.0", w_efficiency="0.0")
    assert not app.exception


def test_overall_rows(open_page: Open, boards: Boards, tiny: Tiny) -> None:
    shown = table(open_page("tiny", entry="all entries"))
    rows = open_board(boards("tiny")).overall(suite=tiny[0])
    assert len(shown) == len(rows) > 0


def test_columns_explain_themselves(open_page: Open, tiny: Tiny) -> None:
    import json

    config = json.loads(open_page("tiny").dataframe[0].proto.columns)
    for name in ("gain", "pue", "privacy", "privacy_ends", "places", "utility", "efficiency", "group", "tier"):
        assert len(config[name]["help"]) > 15


def test_hostile_text_stays_text(open_page: Open, tiny: Tiny) -> None:
    app = open_page("ragged", "defense", submission=stored_results.HOSTILE)
    assert not app.exception
    page = words(app)
    assert "&lt;script&gt;" in page
    assert "<script>" not in page.replace("<style>", "")


def test_missing_numbers_read_not_available(open_page: Open, tiny: Tiny) -> None:
    app = open_page("ragged", suite="standard-small@2")
    shown = pd.concat([frame.value for frame in app.dataframe]).set_index("submission")
    assert shown["privacy"].isna().any()
    assert app.dataframe[0].proto.placeholder == "n/a"
    assert all(shown.loc[shown["privacy"].isna(), "status"].str.len() > 2)
    assert shown.loc["crashed", "privacy_ends"] == "n/a"
    assert any("without a rank" in expander.label for expander in app.expander)


def test_defense_page(open_page: Open, tiny: Tiny) -> None:
    app = open_page("tiny", "defense", submission="gaussian_noise", entry=tiny[2], point="1")
    assert not app.exception
    assert len(app.dataframe) >= 2
    assert f"Attacks on {tiny[2]}" in html.unescape(words(app))
    assert "vega_lite_chart" in " ".join(element.type for element in app.main)


def test_compare_needs_two_and_shows_differences(open_page: Open, boards: Boards, tiny: Tiny) -> None:
    first = table(open_page("tiny", "compare", entry=tiny[2]))
    assert len(first) == 2 and "none" in set(first["submission"])  # the best and the undefended, unasked
    app = open_page("tiny", "compare", points=["none#0", "gaussian_noise#2"], entry=tiny[2], measure="utility")
    assert not app.exception
    assert set(table(app)["submission"]) == {"none", "gaussian_noise"}
    pair = table(app, 1).iloc[0]
    assert pair["lane"] == "none#0 - gaussian_noise#2"


def test_a_run_is_shown_by_its_key(open_page: Open, boards: Boards, tiny: Tiny) -> None:
    run = open_board(boards("tiny")).runs().iloc[0]
    app = open_page("tiny", "runs", run=run["key"])
    assert not app.exception
    assert f'"{run["key"]}"' in app.json[0].value
    assert "EPYC" not in app.json[0].value and '"threads"' in app.json[0].value


def test_the_board_is_reread_when_its_file_is_swapped(open_page: Open, boards: Boards, tmp_path: Path) -> None:
    import shutil

    path = Path(shutil.copy(boards("empty"), tmp_path / "swapped.board.duckdb"))
    app = open_page(path)
    assert app.info
    fresh = shutil.copy(boards("tiny"), tmp_path / "fresh.duckdb")
    os.replace(fresh, path)
    app.run()
    assert not app.exception
    assert len(table(app)) > 0
