"""Figures: fonts embedded, column widths, the same bytes twice, every row drawn or accounted for."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pypdfium2
import pytest

from harness.errors import LeakboardError
from leaderboard.export import FIGURES, Request, render
from leaderboard.export.frames import rows
from leaderboard.export.layers import _scale
from leaderboard.export.panels import grid, leading, panels
from leaderboard.export.request import WIDTHS
from leaderboard.export.style import COLOURS, MARKERS, shown
from leaderboard.queries import Board


@pytest.mark.parametrize("what", FIGURES)
def test_pdf(what: str, board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    request = ask(what, "pdf", width="single")
    data = render(board("tiny"), request)
    assert b"/FontFile2" in data and b"/Type3" not in data, "fonts are embedded as TrueType"
    page = pypdfium2.PdfDocument(data)[0]
    assert page.get_width() == pytest.approx(72 * WIDTHS["single"], abs=0.1)
    assert page.get_height() < 72 * 9.5
    text = page.get_textpage().get_text_range()
    assert "No defense" in text and "5 seeds" in text and "95 %" in text


def test_same_bytes_from_two_threads(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    tiny, found = board("tiny"), []
    threads = [threading.Thread(target=lambda: found.append(render(tiny, ask("tradeoff", "svg")))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 and found[0] == found[1]
    assert b"<text" not in found[0], "letters are shapes, which need no font"


def test_settings_do_not_leak(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    png = render(board("tiny"), ask("tradeoff", "png", width="single"))
    assert dict(matplotlib.rcParams) == before
    width = int.from_bytes(png[16:20], "big")
    assert width == round(300 * WIDTHS["single"])


def test_rows_without_a_result_are_counted(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    ragged = board("ragged")
    missing = rows(ragged, ask(), "board")[["privacy", "utility"]].isna().any(axis=1).sum()
    data = render(ragged, ask("tradeoff", "pdf"))
    assert missing > 0
    text = " ".join(pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range().split())
    assert f"{missing} rows without a result" in text


def test_the_undefended_system_leads(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    frame = rows(board("large"), ask(), "board")
    keys = leading(frame, ["submission", "point"], 7)
    assert len(keys) == len(set(keys)) == 7
    assert keys[0][0] == "none" and keys == sorted(keys, key=lambda key: [k[0] for k in keys].index(key[0]))


def test_too_much_for_one_figure(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    frame = rows(board("large"), ask(), "board")
    frame["entry"] = [f"e{row % 13}" for row in range(len(frame))]
    with pytest.raises(LeakboardError, match="13 suite entries are too many"):
        panels(board("large"), frame)


def test_cut_layers() -> None:
    places, label, ticks = _scale(["25%", "0", "75%"])
    assert places == {"25%": 25.0, "0": 0.0, "75%": 75.0} and "share" in label and ticks[0] == (0.0, "0")
    assert _scale(["2", "8"])[1] == "Cut after this block"
    assert [text for _, text in _scale(["25%", "4", "0"])[2]] == ["0", "4", "25%"]


def test_labels_are_one_plain_line() -> None:
    assert shown("a\nb\x07c") == "a�b�c"
    assert shown("x" * 100) == "x" * 39 + "…"
    assert shown("漢𝄞") == "��" or len(shown("漢𝄞")) == 2


def test_looks_differ() -> None:
    assert len(set(COLOURS)) == len(set(MARKERS)) == len(COLOURS)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in COLOURS)
    assert [grid(count, 6.75) for count in (0, 1, 2, 3, 4, 5)] == [(1, 1), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3)]
    assert grid(3, 3.25) == (3, 1)
