"""Defense Capability Scores: closed forms."""

from __future__ import annotations

from math import sqrt

import pytest

from harness.score import dcs
from leaderboard.ranks.dcs import dcs_by_kind, mean_over_kinds


def test_scores_are_vflairs_formula() -> None:
    """DCS = 1 / (1 + sqrt((1 - beta) AP^2 + beta max(0, MP* - MP)^2)); T-DCS and C-DCS are means of means."""
    assert dcs(1.0, 1.0) == pytest.approx(1 / (1 + sqrt(0.5)))
    assert dcs(0.3, 0.7, 0.5, ideal_task=0.9) == pytest.approx(1 / (1 + sqrt(0.5 * 0.09 + 0.5 * 0.04)))
    assert dcs(0.0, 0.95, 0.5, ideal_task=0.9) == 1.0
    kinds = dcs_by_kind([("text", 0.6), ("text", 0.8), ("membership", 0.9)])
    assert kinds == pytest.approx({"text": 0.7, "membership": 0.9})
    assert mean_over_kinds(kinds) == pytest.approx(0.8)
    assert mean_over_kinds({}) is None
