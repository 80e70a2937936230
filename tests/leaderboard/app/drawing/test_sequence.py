"""The sequence drawing colours what is seen and holds only escaped text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from leaderboard.app.drawing.sequence import seen_by, sequence_svg

EVIL = '</text><script>alert("x")</script>&'


def test_a_sequence_colours_what_the_coalition_sees_and_escapes() -> None:
    def step(sender: str, says: str, receiver: str = "", when: str = "") -> dict[str, str]:
        return {"sender": sender, "says": says, "receiver": receiver, "kind": "LOGITS", "when": when}

    steps = [
        step("clients", EVIL, when="each round"),
        step("clients", "up", "edges", "each round"),
        step("edges", "on", "server"),
    ]
    root = ET.fromstring(sequence_svg(steps, "edge1"))
    assert root.find(".//{http://www.w3.org/2000/svg}script") is None
    words = "".join(root.itertext())
    assert "<script>" in words and "each round" in words and "edges (curious)" in words
    coloured = [sequence_svg(steps, who).count('stroke="#b5460a" stroke-width="2"') for who in ("edge1", "server", "x")]
    assert coloured == [2, 1, 0]
    assert seen_by("clients", "client") and not seen_by("clients", "server")
