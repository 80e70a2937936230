"""The forest plot: each attack's advantage with its interval, the undefended system's beside it."""

from __future__ import annotations

import altair as alt
import pandas as pd

__all__ = ["difference_chart", "forest_chart"]

_COLOURS = alt.Scale(domain=["defended", "undefended"], range=["#1f5f99", "#a9b2bc"])


def forest_chart(rows: pd.DataFrame) -> alt.LayerChart:
    """Columns of ``rows``: ``attack`` (its title), ``system`` (``defended`` | ``undefended``), ``advantage``,
    ``advantage_low``, ``advantage_high``, and ``reading`` (the raw metric in words, for the tooltip)."""
    order = rows.loc[rows["system"] == "defended"].sort_values("advantage", ascending=False)["attack"].tolist()
    lane = alt.Y("attack:N", sort=order, title=None, axis=alt.Axis(labelLimit=320, grid=False))
    beside = alt.YOffset("system:N", sort=["defended", "undefended"], scale=alt.Scale(paddingOuter=0.35))
    colour = alt.Color("system:N", scale=_COLOURS, title=None, legend=alt.Legend(orient="top"))
    scale = alt.Scale(domain=[-0.1, 1.0], clamp=True, nice=False)
    base = alt.Chart(rows)
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("advantage_low:Q", scale=scale, title="Advantage over the best blind guess (1: everything recovered)"),
        x2="advantage_high:Q",
        y=lane,
        yOffset=beside,
        color=colour,
    )
    tips = ["attack", "system", alt.Tooltip("advantage", format=".3f"), "reading"]
    dots = base.mark_circle(size=70, opacity=1).encode(
        x=alt.X("advantage:Q", scale=scale), y=lane, yOffset=beside, color=colour, tooltip=tips
    )
    zero = alt.Chart(pd.DataFrame({"advantage": [0.0]})).mark_rule(color="#8a94a0", strokeDash=[2, 3])
    lanes = max(1, rows["attack"].nunique())
    return (
        alt.layer(zero.encode(x=alt.X("advantage:Q", scale=scale)), bars, dots)
        .properties(height=46 * lanes + 30)
        .configure_view(stroke=None)
    )


def difference_chart(rows: pd.DataFrame) -> alt.LayerChart:
    """Paired differences: one lane per ``title``, ``difference`` with ``low`` and ``high``, zero marked."""
    lane = alt.Y("title:N", sort=None, title=None, axis=alt.Axis(labelLimit=420))
    base = alt.Chart(rows)
    bars = base.mark_rule(strokeWidth=2, color="#1f5f99").encode(
        x=alt.X("low:Q", title="Difference (left minus right)"), x2="high:Q", y=lane
    )
    tips = ["title", "measure", *(alt.Tooltip(name, format=".3f") for name in ("difference", "low", "high", "p_holm"))]
    dots = base.mark_circle(size=70, color="#1f5f99", opacity=1).encode(x="difference:Q", y=lane, tooltip=tips)
    zero = alt.Chart(pd.DataFrame({"difference": [0.0]})).mark_rule(color="#8a94a0", strokeDash=[2, 3])
    return (
        alt.layer(zero.encode(x="difference:Q"), bars, dots)
        .properties(height=30 * max(1, len(rows)) + 30)
        .configure_view(stroke=None)
    )
