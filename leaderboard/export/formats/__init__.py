"""File formats of tables: LaTeX, Markdown, HTML, CSV, Parquet and BibTeX."""

from __future__ import annotations

from leaderboard.export.formats.bib import to_bib
from leaderboard.export.formats.data import to_csv, to_parquet
from leaderboard.export.formats.html import to_html
from leaderboard.export.formats.latex import to_latex
from leaderboard.export.formats.markdown import to_markdown

__all__ = ["to_bib", "to_csv", "to_html", "to_latex", "to_markdown", "to_parquet"]
