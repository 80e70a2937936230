"""Figures for papers: the trade-off, the forest plot, the curves by cut layer and scenarios at equal utility."""

from __future__ import annotations

from leaderboard.export.figures.files import figure_file

__all__ = ["figure_file"]
