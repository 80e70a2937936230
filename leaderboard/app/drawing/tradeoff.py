"""The trade-off chart: privacy against utility, with what each operating point costs and where the limits lie."""

from __future__ import annotations

import altair as alt
import pandas as pd

from leaderboard.app.drawing.charts import Chart, palette, quiet

__all__ = ["CROWD", "tradeoff_chart"]

CROWD = 150
"""Above so many points, intervals and curves are drawn for the corners of the front alone: more cannot be read."""

_UTILITY = alt.Scale(domain=[-0.25, 1.15], clamp=True, nice=False)
_SERIES = ("#0072b2", "#d55e00", "#009e73", "#b8639a", "#b27d00", "#3b93c4", "#8a6fc1", "#a8633f", "#6f8f2f")
"""Colours after Okabe and Ito (2008), darkened to stand out from white by 3 to 1, and from the dark background too."""
_TIPS = (
    "submission",
    "label",
    "privacy",
    "privacy_low",
    "privacy_high",
    "utility",
    "efficiency",
    "pue",
    "strongest",
)
_PRIVACY = alt.Scale(domain=[0, 1], clamp=True, nice=False)


def tradeoff_chart(rows: pd.DataFrame, bare: pd.DataFrame, floor: float) -> Chart:
    """Layers, from back to front: utility floor, rules, curves, intervals, points, front.

    Args:
        rows: board rows with a privacy and a utility, one per submission and operating point, ``on_front`` among them.
        bare: rows of the undefended system; may be empty.
        floor: utility below which no row is on the front.
    """
    front = rows[rows["on_front"]]
    corners = _envelope(front)
    detailed = rows if len(rows) <= CROWD else corners
    colour = _colour(rows)
    layers = [
        _floor(floor),
        *_limits(bare),
        _curves(detailed, colour),
        _interval(detailed, "utility", colour),
        _interval(detailed, "privacy", colour),
        _points(rows, colour),
        _front(corners),
    ]
    return quiet(alt.layer(*layers).properties(height=540))


def _envelope(front: pd.DataFrame) -> pd.DataFrame:
    """The rows whose point estimates no other row of the front exceeds in both: the corners of the drawn step line."""
    falling = front.sort_values(["utility", "privacy"], ascending=False)
    best = falling["privacy"].cummax().shift(fill_value=float("-inf"))
    return falling[falling["privacy"] > best]


def _x(field: str = "utility:Q") -> alt.X:
    title = "Utility (0: reference, 1: undefended)"
    return alt.X(field, scale=_UTILITY, title=title, axis=alt.Axis(grid=True, tickCount=8))


def _y(field: str = "privacy:Q") -> alt.Y:
    title = "Privacy (1 - leakage of the strongest attack)"
    return alt.Y(field, scale=_PRIVACY, title=title, axis=alt.Axis(grid=True, tickCount=6))


def _colour(rows: pd.DataFrame) -> alt.Color:
    field, bare = ("submission", "none") if rows["submission"].nunique() <= 8 else ("family", "undefended")
    others = sorted(set(rows[field].dropna()) - {bare})
    names = [*others, *([bare] if bare in set(rows[field]) else [])]
    paints = [*(_SERIES[place % len(_SERIES)] for place in range(len(others))), palette().undefended]
    return alt.Color(
        f"{field}:N",
        title=field,
        scale=alt.Scale(domain=names, range=paints[: len(names)]),
        legend=alt.Legend(orient="right", labelLimit=220, symbolType="circle", symbolOpacity=1),
    )


def _points(rows: pd.DataFrame, colour: alt.Color) -> Chart:
    crowd = len(rows) > CROWD
    scale = alt.Scale(domain=[0, 1], range=[8, 60] if crowd else [25, 220])
    size = alt.Size(
        "efficiency:Q", scale=scale, title="efficiency", legend=alt.Legend(tickCount=3, symbolFillColor=palette().grey)
    )
    tips = [alt.Tooltip(name, format=".2f") if rows[name].dtype.kind == "f" else alt.Tooltip(name) for name in _TIPS]
    pick = alt.selection_point(name="pick", fields=["submission", "point"], on="click", empty=False)
    return (
        alt.Chart(rows)
        .mark_circle(opacity=0.5 if crowd else 0.9, stroke=palette().background, strokeWidth=0.3 if crowd else 1)
        .encode(x=_x(), y=_y(), size=size, color=colour, tooltip=tips)
        .add_params(pick)
    )


def _curves(rows: pd.DataFrame, colour: alt.Color) -> Chart:
    """Joins the operating points of each submission in their order."""
    return (
        alt.Chart(rows)
        .mark_line(opacity=0.55, strokeWidth=1.5)
        .encode(x=_x(), y=_y(), detail="submission:N", order="point:Q", color=colour)
    )


def _interval(rows: pd.DataFrame, along: str, colour: alt.Color) -> Chart:
    chart = alt.Chart(rows).mark_rule(opacity=0.4, strokeWidth=1.2)
    if along == "utility":
        return chart.encode(x=_x("utility_low:Q"), x2="utility_high:Q", y=_y(), color=colour)
    return chart.encode(y=_y("privacy_low:Q"), y2="privacy_high:Q", x=_x(), color=colour)


def _front(front: pd.DataFrame) -> Chart:
    """The step line through the points that nothing dominates."""
    return (
        alt.Chart(front.sort_values("utility"))
        .mark_line(interpolate="step-before", color=palette().ink, strokeWidth=1.4, strokeDash=[5, 3])
        .encode(x=_x(), y=_y(), order="utility:Q")
    )


def _floor(floor: float) -> Chart:
    area = pd.DataFrame({"start": [-0.25], "stop": [floor], "low": [0.0], "high": [1.0]})
    return (
        alt.Chart(area)
        .mark_rect(color=palette().floor, opacity=0.8)
        .encode(x=_x("start:Q"), x2="stop:Q", y=_y("low:Q"), y2="high:Q")
    )


def _limits(bare: pd.DataFrame) -> list[Chart]:
    """The undefended system (utility 1, its privacy) and the local-only one (utility 0, nothing leaves)."""
    across = pd.DataFrame({"utility": [0.0, 1.0], "words": ["local only", "undefended"], "top": [1.0, 1.0]})
    rules = alt.Chart(across).mark_rule(color=palette().grey, strokeDash=[2, 3]).encode(x=_x())
    names = (
        alt.Chart(across)
        .mark_text(color=palette().grey, align="left", baseline="top", dx=4, dy=3, fontSize=11)
        .encode(x=_x(), y=_y("top:Q"), text="words:N")
    )
    level = alt.Chart(bare[["privacy"]].dropna()).mark_rule(color=palette().grey, strokeDash=[2, 3]).encode(y=_y())
    return [rules, names, level]
