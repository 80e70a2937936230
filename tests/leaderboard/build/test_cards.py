"""Cards of submissions."""

from __future__ import annotations

from leaderboard.build.cards import family


def test_family_comes_from_the_manifest_before_the_name() -> None:
    assert family("gaussian_noise", {}) == "noise"
    assert family("gaussian_noise", {"family": None}) == "noise"
    assert family("gaussian_noise", {"family": "secure aggregation"}) == "secure aggregation"
    assert family("nameless", {}) == "other"
