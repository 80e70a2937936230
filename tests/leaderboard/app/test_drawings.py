"""The protocol drawing and the marked texts are well-formed and hold only escaped text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from leaderboard.app.evidence import marked_tokens
from leaderboard.app.protocol import Arrow, Lane, protocol_svg
from leaderboard.app.sequence import seen_by, sequence_svg

EVIL = '</text><script>alert("x")</script>&'


def test_protocol_is_svg_and_keeps_markup_as_words() -> None:
    private = Lane("data party", ("holds the texts", "a very long line " * 8))
    curious = Lane(f"model party {EVIL}", ("sees every message",), curious=True)
    arrows = [Arrow("HIDDEN", "1.2 MB"), Arrow(EVIL, "reply", up=False)]
    root = ET.fromstring(protocol_svg(private, curious, arrows))
    words = "".join(root.itertext())
    assert root.find(".//{http://www.w3.org/2000/svg}script") is None
    assert words.count("<script>") == 2
    assert "HIDDEN" in words and "1.2 MB" in words


def test_protocol_grows_with_its_text() -> None:
    def height(lines: tuple[str, ...]) -> float:
        root = ET.fromstring(protocol_svg(Lane("a", lines), Lane("b", ()), []))
        return float(root.attrib["height"])

    assert height(("line",) * 20) > height(("line",)) > 0


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


def test_recovered_tokens_are_marked() -> None:
    shown = ET.fromstring(marked_tokens(["my ", "name", " is\n", "<b>"], [False, True, True]))
    assert [span.attrib["class"] for span in shown] == ["miss", "hit", "hit", "miss"]
    assert "".join(shown.itertext()) == "my name is⏎ <b>"
