"""The protocol drawing is well-formed and holds only escaped text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from leaderboard.app.drawing.protocol import Arrow, Lane, protocol_svg

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
