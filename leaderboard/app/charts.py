"""What all charts share: dark words, light grid, no frame."""

from __future__ import annotations

import altair as alt

__all__ = ["GREY", "INK", "quiet"]

INK, GREY = "#1c2733", "#7b8794"


def quiet(chart: alt.LayerChart) -> alt.LayerChart:
    """The chart with axis and legend words dark enough to read, and nothing else drawing the eye."""
    words = {"labelColor": "#3c4854", "titleColor": "#3c4854", "labelFontSize": 12, "titleFontSize": 12}
    return (
        chart.configure_view(stroke=None)
        .configure_axis(**words, titleFontWeight="normal", gridColor="#eef1f4", domainColor="#c5ccd4")
        .configure_legend(**words, titleFontWeight="normal")
    )
