"""Sentences about a suite and legends for a set of rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from leaderboard.app.source import facts_about, frame
from leaderboard.app.widgets.html import definitions, note
from leaderboard.queries import FLAGS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["flag_legend", "suite_lead", "suite_notes"]


def suite_lead(suite: str) -> str:
    """One line: what the suite is, and whether its ranks count."""
    cards = frame("suites").set_index("suite")
    if suite not in cards.index:
        return suite
    row = cards.loc[suite]
    words = suite if row["title"] in (None, "", suite) else f"{suite} - {row['title']}"
    return (
        f"{words}. Ranks are indicative: a quick look with few records and seeds." if row["indicative"] else f"{words}."
    )


def suite_notes(suite: str, rows: pd.DataFrame) -> None:
    """Meanings of the flags in ``rows``, and a line about the records that the board was made from."""
    if "flags" in rows:
        flag_legend({flag for flags in rows["flags"] for flag in flags})
    meta = facts_about()
    note(
        f"Records {meta.get('records_hash', 'n/a')[:12]} of {meta.get('runs', 'n/a')} runs, built "
        f"{meta.get('built', 'n/a')[:16].replace('T', ' ')} UTC by leakboard {meta.get('leakboard', 'n/a')}."
    )


def flag_legend(flags: Iterable[str]) -> None:
    """Definitions of the flags, if there are any."""
    known = {FLAGS[flag][0]: FLAGS[flag][1] for flag in sorted(flags) if flag in FLAGS}
    if known:
        definitions("Flags", known)
