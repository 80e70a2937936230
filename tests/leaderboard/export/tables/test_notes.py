"""Notes get letters in order."""

from __future__ import annotations

from leaderboard.export.tables.notes import Notes


def test_notes_number_in_letters() -> None:
    notes = Notes()
    assert [notes.letter(str(number)) for number in range(28)][-3:] == ["z", "aa", "ab"]
    assert notes.letter("3") == "d"
    assert Notes().row((), "ok", None) == "–"
    fresh = Notes()
    assert fresh.row(("small_n",), "void", "control failed") == "a, b"
    assert fresh.all[1] == ("b", "void: control failed")
