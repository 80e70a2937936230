from __future__ import annotations

from attacks.toolkit.readers.synthetic_texts import Released
from harness.attack import SeenMessage
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message


def test_texts_are_read_by_author_and_otherwise_as_released() -> None:
    def said(sender: str, texts: list[str]) -> SeenMessage:
        return SeenMessage(sender, "someone", Message(Kind.SYNTHETIC_TEXT, {"texts": texts}))

    both = Released.of([said("a", ["1", " ", "2"]), said(SERVER, ["2", "3"]), said("a", ["4"])])
    assert both.about("a") == ("1", "2", "4") and both.about("b") == ("2", "3")
    assert Released.of([said("a", ["1"]), said("b", ["1"])]).about("c") == ("1",)
    assert Released.of([said("a", ["1"]), said("b", [" "])]).about("b") == ()
