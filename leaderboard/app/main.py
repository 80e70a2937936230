"""Entry script of the app, started by :func:`leaderboard.app.launch.run`: page frame and navigation."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from harness.errors import LeakboardError
from leaderboard.app.escape import prose
from leaderboard.app.source import column
from leaderboard.app.widgets.html import heading, one_press_of_back, style

_HERE = Path(__file__).resolve().parent
# A folder named "pages" would make Streamlit serve its files without this frame to whoever opens a deep link first.
_FOLDER = _HERE / "views"
PAGES = (
    "Start",
    "Board",
    "Choose",
    "Trade-off",
    "Defense",
    "Attack",
    "Scenario",
    "Compare",
    "Runs",
    "Export",
    "News",
    "Rules",
)
_WITHOUT_RESULTS = ("Rules",)


def main() -> None:
    """Frame, style sheet, navigation, then the page that the address names."""
    st.logo(str(_HERE / "logo.svg"), size="large")
    pages = [
        st.Page(_FOLDER / f"{_slug(title)}.py", title=title, url_path=_slug(title), default=index == 0)
        for index, title in enumerate(PAGES)
    ]
    chosen = st.navigation(pages, position="top", expanded=True)
    st.set_page_config(
        page_title=f"{chosen.title} - leakboard",
        page_icon=str(_HERE / "icon.svg"),
        layout="wide",
        initial_sidebar_state=250,
    )
    style()
    one_press_of_back()
    try:
        if chosen.title in _WITHOUT_RESULTS or column("board", "suite"):
            chosen.run()
        else:
            heading(chosen.title, "There are no results on this board yet.")
            st.info("`leakboard evaluate FOLDER` measures a defense, `leakboard ingest PATH` loads shared records.")
    except LeakboardError as error:
        st.error(prose(error))


def _slug(title: str) -> str:
    return title.lower().replace("-", "")


main()
