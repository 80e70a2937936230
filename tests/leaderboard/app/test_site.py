"""The static export: every link leads to a file of the folder, no page needs a server or a script, text stays text."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from harness.errors import LeakboardError
from leaderboard.app.site import address, write_site
from leaderboard.queries import open_board
from tests.stand_ins.stored_results import HOSTILE


class Page(HTMLParser):
    """Links, elements and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.elements: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def site(ragged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "out"
    write_site(open_board(ragged), folder)
    return folder


def pages(site: Path) -> dict[str, Page]:
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}


def test_every_link_leads_to_a_file(site: Path) -> None:
    links = {link for page in pages(site).values() for link in page.links}
    inside = {unquote(link) for link in links if not link.startswith(("http://", "https://"))}
    assert inside and not {link for link in inside if not (site / link).is_file()}


def test_pages_need_no_script_and_hostile_text_stays_text(site: Path) -> None:
    every = pages(site)
    assert not [name for name, page in every.items() if "script" in page.elements]
    assert HOSTILE in " ".join(text for page in every.values() for text in page.text)
    assert all(".." not in path.name and path.parent == site for path in site.iterdir())


def test_numbers_are_those_of_the_board(site: Path, ragged: Path) -> None:
    rows = open_board(ragged).board()
    lines = [line for line in (site / "board.csv").read_text().splitlines() if not line.startswith("#")]
    assert len([*csv.reader(lines)]) == len(rows) + 1
    ranked = rows[rows["rank"] == 1].iloc[0]
    page = pages(site)[address("board", suite=ranked["suite"], entry=ranked["entry"])]
    assert any(text.startswith(f"{ranked['privacy']:.2f} [") for text in page.text)
    ElementTree.parse(site / "news.atom")


def test_a_folder_of_something_else_is_left_alone(site: Path, tmp_path: Path, ragged: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(LeakboardError, match="not empty"):
        write_site(open_board(ragged), tmp_path)


def test_names_of_files_differ_where_names_do() -> None:
    assert address("board", suite="quick@5", entry="pii") == "board-quick-5-pii.html"
    assert address("defense", submission="a/b") != address("defense", submission="a_b")
    assert "/" not in address("defense", submission="../../etc/passwd")
