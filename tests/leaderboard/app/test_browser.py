"""The app in headless Chromium: filters, shared links, a defense by a click, a download, and the README's picture.

``LEAKBOARD_PICTURE=docs/board.png pytest tests/leaderboard/app/test_browser.py -k picture`` writes the picture of the
board of the shipped results; ``LEAKBOARD_PICTURE_RECORDS`` names other records, ``LEAKBOARD_PICTURE_STATE`` another
page or view of them, as the part of a link after the address.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stand_ins import stored_results
from tests.stand_ins.board_browser import (
    INSTALL,
    PATIENCE,
    chromium,
    rows,
    rows_when,
    select_row,
    served,
    settled,
    visit,
)
from tests.stand_ins.contrast import faint_words

pytestmark = pytest.mark.skipif(chromium() is None, reason=INSTALL)

SUBMISSION = 5
"""Column of the board with the submission's name."""
PAGES = (
    "",
    "board",
    "choose",
    "news",
    "tradeoff",
    "defense",
    "attack",
    "scenario",
    "compare",
    "runs",
    "export",
    "rules",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the served board; tests swap other boards in, as an evaluation does."""
    return tmp_path_factory.mktemp("served") / "leakboard.board.duckdb"


@pytest.fixture(scope="module")
def address(place: Path, boards: Callable[[str], Path]) -> Iterator[str]:
    shutil.copy(boards("tiny"), place)
    with served(place, place.with_suffix(".log")) as base:
        yield base


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, place: Path, boards: Callable[[str], Path]) -> Iterator[Any]:
    swap(place, boards("tiny"))
    context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def swap(place: Path, board: Path) -> None:
    """Put another board in its place, atomically."""
    fresh = place.with_suffix(".fresh")
    shutil.copy(board, fresh)
    os.replace(fresh, place)


def test_the_start_answers_on_a_phone_in_the_dark(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800}, color_scheme="dark")
    context.set_default_timeout(PATIENCE)
    phone = visit(context.new_page(), address)
    assert phone.title() == "Start - leakboard"
    assert phone.locator(".lb-card").count() >= 1
    assert phone.evaluate("document.documentElement.scrollWidth") == 400
    assert faint_words(phone) == []
    phone.locator(".lb-card a").first.click()
    phone.wait_for_url("**/board?*entry=*")
    settled(phone)
    for words in ("Privacy", "Utility", "Strongest"):  # without scrolling sideways
        box = phone.locator(f".lb-rows dt:has-text('{words}')").first.bounding_box()
        assert 0 <= box["x"] < 400
    assert phone.locator("[data-testid=stDataFrame]:visible").count() == 0
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_every_page_is_readable(browser: Any, address: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    problems = {}
    for name in PAGES:
        visit(page, f"{address}/{name}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        problems[name] = [*faint_words(page), *([f"{wide} pixels wide"] if wide > width else [])]
    context.close()
    assert {name: texts for name, texts in problems.items() if texts} == {}


@pytest.mark.slow
def test_a_defense_is_chosen_in_three_steps(page: Any, address: str) -> None:
    visit(page, address)
    page.get_by_role("link", name="Help me choose a defense").click()
    page.wait_for_url("**/choose*")
    settled(page)
    first = page.locator(".lb-card h3 a").first
    name = first.inner_text()
    first.click()
    page.wait_for_url("**/defense?*submission=*")
    assert name.split(" (")[0] in settled(page).locator(".lb-title").inner_text()


@pytest.mark.slow
def test_another_suite_forgets_the_entry_and_a_link_to_nothing_is_told(page: Any, address: str) -> None:
    visit(page, f"{address}/board?entry=nowhere")
    assert page.get_by_text("this board does not have").count() == 1
    page.get_by_role("combobox", name="Scenario entry").click()
    page.get_by_role("option", name="skills-cut25").click()
    settled(page)
    assert page.get_by_text("this board does not have").count() == 0


def test_a_filtered_view_is_a_link(page: Any, browser: Any, address: str) -> None:
    visit(page, f"{address}/board")
    everything = rows(page)
    page.get_by_role("combobox", name="Scenario entry").click()
    page.get_by_role("option", name="skills-cut25").click()
    settled(page)
    page.get_by_role("textbox", name="Submission contains").fill("gauss")
    page.keyboard.press("Enter")
    page.wait_for_url("**name=gauss**")
    filtered = rows_when(page, lambda found: all("gaussian_noise" in row for row in found))
    assert 0 < len(filtered) < len(everything)
    assert "entry=skills-cut25" in page.url and "suite=" in page.url

    stranger = browser.new_context(viewport={"width": 1400, "height": 900})
    stranger.set_default_timeout(PATIENCE)
    assert rows_when(visit(stranger.new_page(), page.url), lambda found: len(found) == len(filtered)) == filtered
    stranger.close()


@pytest.mark.slow
def test_weights_are_part_of_the_link(page: Any, address: str) -> None:
    plain = rows(visit(page, f"{address}/board"))
    assert rows(visit(page, f"{address}/board?w_privacy=0.9")) != plain


def test_a_selected_row_has_a_link_to_its_defense_and_one_press_of_back_returns(page: Any, address: str) -> None:
    visit(page, f"{address}/board")
    name = rows(page)[1][SUBMISSION]
    link = select_row(page, 1)
    assert "/board" in page.url  # a tap selects; the link leaves
    link.click()
    page.wait_for_url(f"**/defense?*submission={name}*")
    settled(page)
    assert name in page.locator(".lb-title").inner_text()
    assert "point=" in page.url and page.title() == "Defense - leakboard"
    page.go_back()
    page.wait_for_selector("h1:has-text('Board')")
    assert len(rows(settled(page))) > 1


def test_the_table_is_entered_by_keyboard_and_sorted_by_its_titles_without_leaving(page: Any, address: str) -> None:
    visit(page, f"{address}/board")
    rows(page)
    frame = page.locator("[data-testid=stDataFrame] canvas").first
    frame.focus()
    for key in ("Tab", "Tab", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    box = frame.bounding_box()
    page.mouse.click(box["x"] + 150, box["y"] + 16)
    settled(page)
    assert page.url.split("?")[0] == f"{address}/board"


@pytest.mark.slow
def test_a_click_on_a_point_opens_the_defense(page: Any, address: str) -> None:
    visit(page, f"{address}/tradeoff")
    settled(page).locator("[data-testid=stVegaLiteChart] path[aria-label*='submission: gaussian_noise']").last.click()
    page.wait_for_url("**/defense?*submission=gaussian_noise*")


@pytest.mark.slow
def test_latex_can_be_downloaded(page: Any, address: str) -> None:
    visit(page, f"{address}/export?what=board&format=latex")
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").first.click()
    text = Path(started.value.path()).read_text()
    assert started.value.suggested_filename == "leakboard-board.tex"
    assert r"\toprule" in text and "gaussian" in text and "leakboard export board" in text


@pytest.mark.slow
def test_a_swapped_board_is_read_without_a_restart(
    page: Any, address: str, place: Path, boards: Callable[[str], Path]
) -> None:
    assert rows(visit(page, f"{address}/board"))
    swap(place, boards("empty"))
    page.reload()
    page.get_by_text("no results on this board yet").wait_for()


@pytest.mark.slow
def test_hostile_text_runs_nowhere_and_nothing_comes_from_outside(
    page: Any, address: str, place: Path, boards: Callable[[str], Path]
) -> None:
    swap(place, boards("ragged"))
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def dismiss(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    for name in PAGES:
        visit(page, f"{address}/{name}?suite=standard-small%401")
        assert page.locator("[data-testid=stException]").count() == 0, name
    visit(page, f"{address}/defense?suite=standard-small%401&submission={stored_results.HOSTILE.replace('#', '%23')}")
    assert dialogs == []
    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()


@pytest.mark.slow
def test_picture(page: Any, address: str, place: Path, tmp_path: Path) -> None:
    wanted = os.environ.get("LEAKBOARD_PICTURE")
    if wanted:
        swap(place, shipped_board(tmp_path))
    visit(page, f"{address}/{os.environ.get('LEAKBOARD_PICTURE_STATE', '')}")
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": 1400, "height": max(600, min(1600, int(height) + 80))})
    target = Path(wanted) if wanted else tmp_path / "board.png"
    settled(page).screenshot(path=target)
    assert target.stat().st_size > 20_000


def shipped_board(folder: Path) -> Path:
    """The board that ``leakboard board`` shows in a fresh clone, or that of ``LEAKBOARD_PICTURE_RECORDS``."""
    from leaderboard.build import current_board, default_sources

    records = os.environ.get("LEAKBOARD_PICTURE_RECORDS")
    sources = [Path(records)] if records else default_sources(folder / "none.duckdb")
    return current_board(sources, folder / "picture.board.duckdb")
