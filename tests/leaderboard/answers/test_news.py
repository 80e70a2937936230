"""News from runs and rows, and a feed that a parser of XML accepts whatever a submission calls itself."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from leaderboard.answers.news import atom, events
from leaderboard.answers.numbers import rows_of
from leaderboard.queries import open_board
from tests.stand_ins.stored_results import HOSTILE

ATOM = "{http://www.w3.org/2005/Atom}"


def test_suites_rows_and_refuted_claims_newest_first() -> None:
    runs = [
        {"suite": "s@1", "submission": "none", "created": "2026-01-01T00:00:00+00:00"},
        {"suite": "s@1", "submission": "x", "created": "2026-03-01T00:00:00+00:00"},
        {"suite": "s@1", "submission": "x", "created": "2026-02-01T00:00:00+00:00"},
    ]
    notes = json.dumps({"claim_refuted": ["epsilon is at least 9"]})
    row = {"suite": "s@1", "submission": "x", "title": "X", "label": "p", "flags": ["claim_refuted"], "notes": notes}
    suites = [{"suite": "s@1", "known": True, "title": "A suite", "summary": "Small."}]
    items = events(runs, [row, {**row, "flags": []}], suites)
    assert [(item.kind, item.when[:10]) for item in items] == [
        ("rows", "2026-03-01"),
        ("refuted", "2026-03-01"),
        ("suite", "2026-01-01"),
        ("rows", "2026-01-01"),
    ]
    assert items[1].text == "X (p): epsilon is at least 9."
    assert len({item.id for item in items}) == len(items)


def test_the_feed_is_xml_with_the_required_elements(ragged: Path, empty: Path) -> None:
    board = open_board(ragged)
    items = events(rows_of(board.runs()), rows_of(board.board()), rows_of(board.suites()))
    feed = ElementTree.fromstring(atom(items))
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == len(items) > 0
    for entry in (feed, *entries):
        assert all(entry.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
    assert HOSTILE in " ".join(entry.findtext(f"{ATOM}summary") or "" for entry in entries)
    assert not ElementTree.fromstring(atom([])).findall(f"{ATOM}entry")
