"""The axis of cut layers."""

from __future__ import annotations

from leaderboard.export.figures.layers import cut_scale


def test_cut_layers() -> None:
    places, label, ticks = cut_scale(["25%", "0", "75%"])
    assert places == {"25%": 25.0, "0": 0.0, "75%": 75.0} and "share" in label and ticks[0] == (0.0, "0")
    assert cut_scale(["2", "8"])[1] == "Cut after this block"
    assert [text for _, text in cut_scale(["25%", "4", "0"])[2]] == ["0", "4", "25%"]
