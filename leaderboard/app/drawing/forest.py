"""The forest plot of a defense's attacks, and that of paired differences between two submissions."""

from __future__ import annotations

import altair as alt
import pandas as pd

from leaderboard.app.drawing.charts import Chart, palette, quiet

__all__ = ["difference_chart", "forest_chart"]

_ADVANTAGE = alt.Scale(domain=[-0.1, 1.02], clamp=True, nice=False)
_LANE = 52
"""Pixels of a lane."""
_ABOVE = alt.Axis(
    labelAlign="left", labelPadding=4, labelOffset=-17, labelLimit=900, domain=False, ticks=False, zindex=1
)
"""Names of lanes stand above what is drawn, not beside it: on a phone there is no room for both."""


def forest_chart(rows: pd.DataFrame) -> Chart:
    """Each attack's advantage with its interval, the undefended system's beside it.

    Columns of ``rows``: ``lane`` (attack, variant, metric), ``system`` (``defended`` | ``undefended``), ``advantage``,
    ``advantage_low``, ``advantage_high``, and ``reading`` (the raw metric in words, for the tooltip). Lanes stand in
    order of appearance.
    """
    lane = alt.Y("lane:N", sort=rows["lane"].unique().tolist(), title=None, axis=_ABOVE)
    beside = alt.YOffset("system:N", sort=["defended", "undefended"], scale=alt.Scale(paddingOuter=0.9))
    paint = palette()
    scale = alt.Scale(domain=["defended", "undefended"], range=[paint.leak, paint.undefended])
    colour = alt.Color("system:N", scale=scale, title=None, legend=alt.Legend(orient="top"))
    title = ["Advantage over the best blind guess", "(0: none, 1: everything recovered)"]
    base = alt.Chart(rows).encode(y=lane, yOffset=beside, color=colour)
    bars = base.mark_rule(strokeWidth=2.5, opacity=0.55).encode(
        x=alt.X("advantage_low:Q", scale=_ADVANTAGE, title=title, axis=alt.Axis(tickCount=9)), x2="advantage_high:Q"
    )
    tips = ["lane", "system", alt.Tooltip("advantage", format=".3f"), "reading"]
    dots = base.mark_circle(size=75, opacity=1).encode(x=alt.X("advantage:Q", scale=_ADVANTAGE), tooltip=tips)
    zero = _zero("advantage", _ADVANTAGE)
    return quiet(alt.layer(zero, bars, dots).properties(height=_LANE * max(1, rows["lane"].nunique()) + 110))


def difference_chart(rows: pd.DataFrame) -> Chart:
    """Paired differences: one lane per ``lane``, ``difference`` with ``low`` and ``high``, zero marked."""
    lane = alt.Y("lane:N", sort=None, title=None, axis=_ABOVE)
    edge = 1.08 * max(0.1, float(rows[["low", "high"]].abs().max().max(skipna=True) or 0))
    scale = alt.Scale(domain=[-edge, edge])
    base = alt.Chart(rows).encode(y=lane)
    paint = palette().accent
    bars = base.mark_rule(strokeWidth=2.5, opacity=0.6, color=paint).encode(
        x=alt.X("low:Q", scale=scale, title="Difference, first minus second", axis=alt.Axis(tickCount=9)), x2="high:Q"
    )
    tips = ["lane", *(alt.Tooltip(name, format=".3f") for name in ("difference", "low", "high", "p_holm"))]
    dots = base.mark_circle(size=75, color=paint, opacity=1).encode(x=alt.X("difference:Q", scale=scale), tooltip=tips)
    return quiet(alt.layer(_zero("difference", scale), bars, dots).properties(height=_LANE * max(1, len(rows)) + 80))


def _zero(field: str, scale: alt.Scale) -> Chart:
    origin = alt.Chart(pd.DataFrame({field: [0.0]}))
    return origin.mark_rule(color=palette().grey, strokeDash=[2, 3]).encode(x=alt.X(f"{field}:Q", scale=scale))
