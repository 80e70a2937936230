"""Figures for papers: the trade-off, the forest plot and the curves by cut layer."""

from __future__ import annotations

from leaderboard.export.figures.files import figure_file

__all__ = ["figure_file"]
