"""Tables and figures for papers: one request and one board make one file's bytes."""

from __future__ import annotations

from leaderboard.export.render import render
from leaderboard.export.request import FIGURES, FORMS, TABLES, Request, forms_of

__all__ = ["FIGURES", "FORMS", "TABLES", "Request", "forms_of", "render"]
