"""Style of all charts: dark words, light grid, no frame."""

from __future__ import annotations

from typing import Any

__all__ = ["GREY", "INK", "Chart", "quiet"]

Chart = Any
"""Any of altair's charts: its methods are not typed closely enough to say which."""

INK, GREY = "#1c2733", "#7b8794"


def quiet(chart: Chart) -> Chart:
    """The chart with axis and legend words dark enough to read, and nothing else drawing the eye."""
    words = {"labelColor": "#3c4854", "titleColor": "#3c4854", "labelFontSize": 12, "titleFontSize": 12}
    return (
        chart.configure_view(stroke=None)
        .configure_axis(**words, titleFontWeight="normal", gridColor="#eef1f4", domainColor="#c5ccd4")
        .configure_legend(**words, titleFontWeight="normal")
    )
