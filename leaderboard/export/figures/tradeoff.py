"""The trade-off figure: privacy against utility, with intervals, curves of operating points and the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from leaderboard.export.figures import panels
from leaderboard.export.figures.legend import Legend, counts, line
from leaderboard.export.figures.style import FRAME, INK, blank
from leaderboard.export.frames import requested_rows
from leaderboard.export.request import Request

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["tradeoff"]

_BOX = (-0.25, 1.15)
"""Utility further out is drawn at the edge; far below the reference nothing differs any more."""
_DETAILED = 60
"""Above so many rows in a panel intervals are drawn for the Pareto front alone."""


def tradeoff(board: Board, request: Request, width: float) -> Figure:
    """One panel per suite entry; the leading submissions in colour, all others grey, size for efficiency."""
    frame = requested_rows(board, request, "board")
    drawn = frame[frame["privacy"].notna() & frame["utility"].notna()]
    panels_drawn = panels.panels(board, drawn)
    looks = panels.looks(board, panels.leading(drawn, ["submission"]))
    shape = down, across = panels.grid(len(panels_drawn), width)
    legend = Legend(_handles(looks, drawn), counts(drawn, _missing(frame, drawn)), width)
    height = down * min(2.6, 0.85 * width / across) + legend.height
    figure, axes = blank(width, height, down, across, sharex=True, sharey=True)
    for axis, (title, part) in zip(axes, panels_drawn, strict=False):
        axis.set_title(title)
        _panel(axis, part, looks)
    if not panels_drawn:
        panels.nothing(axes[0])
    panels.labels(
        axes, len(panels_drawn), shape, "Utility (0: reference, 1: undefended)", "Privacy (1: as a blind guess)"
    )
    legend.put(figure)
    return figure


def _panel(axis: Axes, part: DataFrame, looks: Mapping[tuple[Any, ...], panels.Look]) -> None:
    from harness.score.rules import UTILITY_FLOOR

    low = max(_BOX[0], min(-0.05, float(part["utility"].min()) - 0.05))
    axis.set(xlim=(low, _BOX[1]), ylim=(-0.03, 1.05))
    axis.axvspan(low, UTILITY_FLOOR, color="#f1f1f1", zorder=0, linewidth=0)
    axis.axvline(1.0, color=FRAME, linewidth=0.6, linestyle=":", zorder=1)
    bare = part.loc[part["submission"] == "none", "privacy"]
    if len(bare):
        axis.axhline(float(bare.iloc[0]), color=FRAME, linewidth=0.6, linestyle=":", zorder=1)
    _front(axis, part[part["on_front"].fillna(False).astype(bool)])
    grey = part[~part["submission"].isin([name for (name,) in looks])]
    _points(axis, grey, {"color": FRAME, "marker": "o"}, 1.5)
    for (name,), look in looks.items():
        series = part[part["submission"] == name].sort_values("point")
        detailed = series if len(part) <= _DETAILED else series[series["on_front"].fillna(False).astype(bool)]
        axis.plot(*_places(series), color=look["color"], linewidth=0.8, alpha=0.7, zorder=2)
        _points(axis, series, look, 2)
        _intervals(axis, detailed, look)


def _places(rows: DataFrame) -> tuple[Any, Any]:
    return _clipped(rows, "utility", *_BOX), _clipped(rows, "privacy", 0.0, 1.0)


def _points(axis: Axes, rows: DataFrame, look: panels.Look, layer: float) -> None:
    """Rows as markers; those that are not ranked are hollow."""
    ranked = rows["ranked"].fillna(False).to_numpy(dtype=bool)
    for rows_, fill in ((rows[ranked], look["color"]), (rows[~ranked], "white")):
        edge = "white" if fill == look["color"] else look["color"]
        size = 6 + 22 * rows_["efficiency"].fillna(0.5).to_numpy(dtype=float)
        shape = {"marker": look["marker"], "facecolors": fill, "edgecolors": edge, "linewidths": 0.5}
        axis.scatter(*_places(rows_), s=size, zorder=layer + 2, clip_on=False, **shape)


def _intervals(axis: Axes, rows: DataFrame, look: panels.Look) -> None:
    for column, other, box in (("utility", "privacy", _BOX), ("privacy", "utility", (0.0, 1.0))):
        low, high = _clipped(rows, f"{column}_low", *box), _clipped(rows, f"{column}_high", *box)
        at = _clipped(rows, other, *(_BOX if other == "utility" else (0.0, 1.0)))
        lines = axis.hlines if column == "utility" else axis.vlines
        lines(at, low, high, color=look["color"], linewidth=0.6, alpha=0.55, zorder=3)


def _front(axis: Axes, front: DataFrame) -> None:
    """The best that can be had: the largest privacy on the front at this utility or more."""
    ordered = front.sort_values("utility")
    if len(ordered) < 2:
        return
    utility = _clipped(ordered, "utility", *_BOX)
    best = np.maximum.accumulate(_clipped(ordered, "privacy", 0.0, 1.0)[::-1])[::-1]
    axis.step(utility, best, where="pre", color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)


def _clipped(rows: DataFrame, column: str, low: float, high: float) -> Any:
    return rows[column].to_numpy(dtype=float).clip(low, high)


def _handles(looks: Mapping[tuple[Any, ...], panels.Look], drawn: DataFrame) -> list[Any]:
    handles = [line(look) for look in looks.values()]
    others = drawn["submission"].nunique() - len(looks)
    if others > 0:
        handles.append(line({"color": FRAME, "marker": "o", "label": f"{others} others"}, linestyle="none"))
    if drawn["on_front"].fillna(False).any():
        handles.append(line({"color": INK, "label": "Pareto front"}, linestyle=(0, (4, 2))))
    return handles


def _missing(frame: DataFrame, drawn: DataFrame) -> str:
    note = "Size: efficiency."
    note += " Hollow: not ranked." if not drawn["ranked"].fillna(False).all() else ""
    return note + (f" {len(frame) - len(drawn)} rows without a result." if len(frame) > len(drawn) else "")
