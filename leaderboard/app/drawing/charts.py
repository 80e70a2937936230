"""Style of all charts: words and lines that fit the light and the dark theme, and no frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Chart", "Palette", "palette", "quiet"]

Chart = Any
"""Any of altair's charts: its methods are not typed closely enough to say which."""


@dataclass(frozen=True)
class Palette:
    """Colours of one theme: words and marks stand out from its background by 4.5 to 1 and 3 to 1 at least."""

    background: str
    ink: str
    grey: str
    grid: str
    floor: str
    undefended: str
    """The undefended system, in every chart."""
    leak: str
    accent: str


LIGHT = Palette("#ffffff", "#1c2733", "#6b7681", "#eef1f4", "#f2f4f6", "#5b6670", "#b5460a", "#1f5f99")
DARK = Palette("#12171d", "#e6ebf0", "#98a4b0", "#2a333d", "#1d242c", "#b4bec9", "#f0894d", "#62a5df")


def palette() -> Palette:
    """Colours of the theme that the reader's browser shows; the light one where that is not known."""
    from streamlit import context

    return DARK if getattr(context.theme, "type", None) == "dark" else LIGHT


def quiet(chart: Chart) -> Chart:
    """The chart with axis and legend words dark or light enough to read."""
    colours = palette()
    words = {"labelColor": colours.ink, "titleColor": colours.ink, "labelFontSize": 12, "titleFontSize": 12}
    return (
        chart.configure_view(stroke=None)
        .configure_axis(**words, titleFontWeight="normal", gridColor=colours.grid, domainColor=colours.grey)
        .configure_legend(**words, titleFontWeight="normal")
    )
