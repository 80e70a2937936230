"""Printed tables: marks are significance groups, nothing is blank, numbers are the frame's."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from leaderboard.export import Request
from leaderboard.export.formats.latex import to_latex
from leaderboard.export.formats.markdown import to_markdown
from leaderboard.export.frames import requested_rows
from leaderboard.export.provenance import Provenance
from leaderboard.export.tables.board_table import board_table
from leaderboard.export.tables.model import BEST, SECOND
from leaderboard.export.tables.printed import printed_table
from leaderboard.queries import Board
from tests.stand_ins.stored_results import BOARDS

SOURCE = Provenance({"made by": "test"})


def test_marks_are_groups_not_means(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    frame = requested_rows(board("tiny"), ask(), "board")
    frame["group"] = frame.groupby("entry").cumcount().map({0: 2, 1: 1, 2: 1, 3: 2}).astype("Int64")
    table = board_table(board("tiny"), frame, ask())
    pue = next(column for column in table.columns if column.name == "pue")
    assert pue.marks == frame["group"].fillna(0).astype(int).tolist()
    text = to_latex(table, ask(), SOURCE)
    marked = [line for line in text.splitlines() if r"\leakboardsecond{" in line or r"\bfseries" in line]
    for line, group in zip(marked, frame["group"].dropna(), strict=True):
        assert (r"\bfseries" in line) == (group == BEST)
        assert (r"\leakboardsecond" in line) == (group == SECOND)
    readme = to_markdown(table, ask(), SOURCE)
    assert readme.count("| **") == (frame["group"] == BEST).sum()
    assert readme.count("| <ins>") == (frame["group"] == SECOND).sum()


def test_rows_without_a_group_are_not_marked(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    table = printed_table(board("ragged"), ask())
    for row in range(table.rows):
        if table.cell(row, "submission").value in ("crashed", "all_nan", "inside"):
            assert table.cell(row, "pue").mark == 0


@pytest.mark.parametrize("width", ["single", "double"])
@pytest.mark.parametrize("what", ["board", "overall", "attacks", "pairs", "runs"])
@pytest.mark.parametrize("name", BOARDS)
def test_no_cell_is_blank(
    name: str, what: str, width: str, board: Callable[[str], Board], ask: Callable[..., Request]
) -> None:
    table = printed_table(board(name), ask(what, width=width))
    assert all(text.strip() for column in table.columns for text in column.texts)
    assert [row for section in table.sections for row in range(section.start, section.stop)] == list(range(table.rows))
    for column in table.columns:
        assert len(column.texts) == len(column.values) == table.rows
        assert column.title and column.definition


def test_missing_numbers_have_a_reason(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    table = printed_table(board("ragged"), ask())
    notes = dict(table.notes)
    for row in range(table.rows):
        if table.cell(row, "privacy").text == "n/a":
            letters = table.cell(row, "flags").text.split(", ")
            assert any(notes[letter].startswith(("error", "void", "not applicable")) for letter in letters)


def test_numbers_read_as_the_frame_has_them(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    request = ask(digits=4)
    frame, table = requested_rows(board("tiny"), request, "board"), printed_table(board("tiny"), request)
    for row in range(table.rows):
        for name in ("privacy", "utility", "efficiency", "pue"):
            assert float(table.cell(row, name).text) == pytest.approx(frame[name].iloc[row], abs=5.1e-5)
        low, high = table.cell(row, "privacy").interval or ("", "")
        assert float(low) == pytest.approx(frame["privacy_low"].iloc[row], abs=5.1e-5)
        assert float(high) == pytest.approx(frame["privacy_high"].iloc[row], abs=5.1e-5)
    assert all(math.isfinite(value) for value in frame["pue"])


def test_counts_appear_once_or_in_every_row(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    tiny, request = board("tiny"), ask()
    frame = requested_rows(tiny, request, "board")
    frame["seeds"] = 5
    frame["n_records"] = 24
    frame["runs"] = 5
    same = board_table(tiny, frame, request)
    assert any("24 records, 5 seeds, 5 runs" in remark for remark in same.remarks)
    frame.loc[0, "runs"] = 7
    differing = board_table(tiny, frame, request)
    assert differing.cell(0, "n_records").text == "24/5/7"
    narrow = board_table(tiny, frame, dataclasses.replace(request, width="single"))
    assert any("5 to 7 runs" in remark for remark in narrow.remarks)


def test_indicative_suites_are_marked(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    tiny = board("tiny")
    frame = requested_rows(tiny, ask(), "board")
    frame["indicative"] = True
    table = board_table(tiny, frame, ask())
    assert all(section.title.endswith("(indicative)") for section in table.sections)
    assert any("indicative only" in remark for remark in table.remarks)
    frame["indicative"] = False
    assert "indicative" not in to_latex(board_table(tiny, frame, ask()), ask(), SOURCE)
