"""Labels of figures."""

from __future__ import annotations

from leaderboard.export.figures.style import shown


def test_labels_are_one_plain_line() -> None:
    assert shown("a\nb\x07c") == "a�b�c"
    assert shown("x" * 100) == "x" * 39 + "…"
    assert shown("漢𝄞") == "��" or len(shown("漢𝄞")) == 2
