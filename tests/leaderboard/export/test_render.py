"""Every format of every table and figure on every board: valid files that say where they come from."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser

import pyarrow.parquet
import pytest

from harness.errors import LeakboardError
from leaderboard.export import FIGURES, TABLES, Request, forms_of, render
from leaderboard.export.request import command_of
from leaderboard.queries import Board
from tests.stand_ins.stored_results import BOARDS, HOSTILE

TAGS = {
    *("html", "head", "meta", "title", "body", "div", "style", "table", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("span", "strong", "u", "sub", "sup", "colgroup", "col", "br"),
}
HASH = re.compile(r"[0-9a-f]{64}")


some_boards = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("empty", "ragged") else pytest.mark.slow) for name in BOARDS]
)


class Page(HTMLParser):
    """Tags and texts of a page, to see that what was open is closed and that nothing foreign got in."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "br", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def provenance_of(data: bytes, form: str) -> str:
    """The text about its origin that a file carries."""
    if form == "parquet":
        metadata = pyarrow.parquet.read_schema(io.BytesIO(data)).metadata
        return "\n".join(value.decode() for key, value in metadata.items() if key.startswith(b"leakboard."))
    if form == "pdf":
        import pypdfium2

        return str(pypdfium2.PdfDocument(data).get_metadata_dict()["Subject"])
    if form == "png":
        return data[: data.index(b"IDAT")].decode("latin-1")
    if form == "svg":
        return " ".join(ET.fromstring(data).itertext())
    return data.decode().partition("\n\n")[0] if form == "bib" else data.decode()


@some_boards
@pytest.mark.parametrize("what", TABLES)
def test_tables(name: str, what: str, board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    board_read = board(name)
    for form in forms_of(what):
        if form == "html" and name == "large":
            continue  # test_html_of_many_rows
        request = ask(what, form)
        provenance = provenance_of(render(board_read, request), form).replace("&#45;", "-")
        assert HASH.search(provenance), form
        assert "2026-01-02" in provenance and command_of(request) in provenance, form
        assert board_read.meta()["suites"] in provenance, form


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("what", TABLES)
def test_the_same_board_and_request_give_the_same_bytes(
    name: str, what: str, board: Callable[[str], Board], ask: Callable[..., Request]
) -> None:
    for form in forms_of(what):
        if form == "html" and name == "large":
            continue  # test_html_of_many_rows
        first, second = (render(board(name), ask(what, form)) for _ in range(2))
        assert first == second, form


def test_html_of_many_rows(
    board: Callable[[str], Board], ask: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaderboard.export.formats.html.MOST_ROWS", 2)
    with pytest.raises(LeakboardError, match="choose with --suite"):
        render(board("large"), ask("board", "html"))
    assert b"large@1, entry-1" in render(board("large"), ask("board", "html", submission=("none#0",)))


ANY_SUITE = tuple(what for what in FIGURES if what != "equal-utility")
"""Figures of any suite; the other one is of suites of one draw (``tests/leaderboard/test_side_by_side.py``)."""


@some_boards
@pytest.mark.parametrize("what", ANY_SUITE)
def test_figures(name: str, what: str, board: Callable[[str], Board], ask: Callable[..., Request]) -> None:
    board_read = board(name)
    if what == "layers" and name in ("empty", "large"):
        with pytest.raises(LeakboardError, match="cut layer"):
            render(board_read, ask(what, "pdf"))
        return
    data = render(board_read, ask(what, "pdf", width="single"))
    provenance = " ".join(provenance_of(data, "pdf").split())
    assert HASH.search(provenance) and "--width single" in provenance and "2026-01-02" in provenance


@pytest.mark.parametrize("what", TABLES)
def test_hostile_texts_run_nothing_on_a_page(
    what: str, board: Callable[[str], Board], ask: Callable[..., Request]
) -> None:
    page = Page()
    page.feed(render(board("ragged"), ask(what, "html")).decode())
    assert not page.open
    assert page.tags <= TAGS
    assert HOSTILE in page.text or what in ("pairs", "strata")  # of which this board has none


@pytest.mark.parametrize("what", ("board", "runs"))
def test_hostile_texts_are_plain_in_markdown(
    what: str, board: Callable[[str], Board], ask: Callable[..., Request]
) -> None:
    text = render(board("ragged"), ask(what, "markdown")).decode().partition("-->")[2]
    assert not re.findall(r"(?<!\\)<(?!/?(?:sub|sup|ins)>)", text)
    for line in text.splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            assert len(cells) == len(re.split(r"(?<!\\)\|", text[text.index("| ") :].splitlines()[0])) - 2
            assert all(cell.strip() for cell in cells), "a cell is blank"
