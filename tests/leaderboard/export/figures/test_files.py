"""Figures: fonts embedded, column widths, the same bytes twice, every row drawn or accounted for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pypdfium2
import pytest

from leaderboard.export import FIGURES, Request, render
from leaderboard.export.frames import requested_rows
from leaderboard.export.request import WIDTHS
from leaderboard.queries import Board


@pytest.mark.parametrize("what", [what for what in FIGURES if what != "equal-utility"])
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
    tiny, images = board("tiny"), []
    threads = [threading.Thread(target=lambda: images.append(render(tiny, ask("tradeoff", "svg")))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(images) == 2 and images[0] == images[1]
    assert b"<text" not in images[0], "letters are shapes, which need no font"


def test_settings_do_not_leak(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    png = render(board("tiny"), ask("tradeoff", "png", width="single"))
    assert dict(matplotlib.rcParams) == before
    width = int.from_bytes(png[16:20], "big")
    assert width == round(300 * WIDTHS["single"])


def test_rows_without_a_result_are_counted(board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    ragged = board("ragged")
    missing = requested_rows(ragged, ask(), "board")[["privacy", "utility"]].isna().any(axis=1).sum()
    data = render(ragged, ask("tradeoff", "pdf"))
    assert missing > 0
    text = " ".join(pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range().split())
    assert f"{missing} rows without a result" in text
