"""No terminal escape of a submission, a record or a plugin leaves through any way of printing."""

from __future__ import annotations

import json

import pytest
from rich.text import Text

from harness.cli import main
from harness.cli.common import console, emit, say, table

EVIL = "a\x1b[2J\x1b]0;title\x07b\x9b31mc\u202ed\rX\n"


def unsafe(text: str) -> set[str]:
    return set(text) & set("\x1b\x07\x9b\u202e\r\x00")


def test_nothing_printed_holds_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    say(EVIL)
    say(EVIL, err=True)
    table([EVIL], [[EVIL]], title=EVIL)
    for out in (console(), console(stderr=True)):
        out.print(EVIL, Text(EVIL), soft_wrap=True)
    emit("x/1", {EVIL: [EVIL, "\ud800"]})
    printed = capsys.readouterr()
    assert "a[2J" in printed.out
    assert not unsafe(printed.out + printed.err)
    document = json.loads(printed.out[printed.out.index('{\n  "format"') :])
    assert document[EVIL] == [EVIL, "\ud800"]  # programs get what there is


def test_a_terminal_keeps_its_own_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = console()
    with out.capture() as captured:
        out.print(Text(EVIL, style="bold"))
    assert captured.get().startswith("\x1b[1ma[2J")
    assert not unsafe(captured.get().replace("\x1b[1m", "").replace("\x1b[0m", ""))


def test_errors_are_stripped(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["show", f"none{EVIL}"])
    with pytest.raises(SystemExit):
        main(["check", f"none{EVIL}"])
    printed = capsys.readouterr()
    assert not unsafe(printed.out + printed.err)
