"""Recovered tokens are marked, and markup stays text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from leaderboard.app.drawing.tokens import marked_tokens


def test_recovered_tokens_are_marked() -> None:
    shown = ET.fromstring(marked_tokens(["my ", "name", " is\n", "<b>"], [False, True, True]))
    assert [span.attrib["class"] for span in shown] == ["miss", "hit", "hit", "miss"]
    assert "".join(shown.itertext()) == "my name is⏎ <b>"
