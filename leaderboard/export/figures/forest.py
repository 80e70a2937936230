"""The forest plot: advantage of each attack with its interval, a few rows of the board side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import LeakboardError
from leaderboard.export.figures import panels
from leaderboard.export.figures.legend import Legend, counts, line
from leaderboard.export.figures.style import FRAME, blank, shown
from leaderboard.export.frames import listed, requested_rows
from leaderboard.export.request import Request

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["forest"]

MOST_LANES = 60
_SERIES = 5
_LANE = ["attack", "variant", "secret", "metric"]


def forest(board: Board, request: Request, width: float) -> Figure:
    """One panel per suite entry, one lane per attack, variant, secret and metric.

    Raises:
        LeakboardError: more lanes than a page holds.
    """
    frame, ranked = requested_rows(board, request, "attacks"), requested_rows(board, request, "board")
    keys = panels.leading(ranked, ["submission", "point"], _SERIES)
    looks = panels.looks(board, keys)
    chosen = [pair in looks for pair in zip(listed(frame, "submission"), listed(frame, "point"), strict=True)]
    drawn = frame[frame["advantage"].notna() & np.array(chosen, dtype=bool)]
    panels_drawn = panels.panels(board, drawn)
    lanes = [_lanes(part) for _, part in panels_drawn]
    if sum(map(len, lanes)) > MOST_LANES:
        raise LeakboardError(f"{sum(map(len, lanes))} attacks and metrics are too many for one figure: choose --entry")
    more = ranked[["submission", "point"]].drop_duplicates().shape[0] - len(looks)
    note = counts(ranked, f"{more} more rows are not shown." if more > 0 else "")
    legend = Legend([line(look) for look in looks.values()], note, width)
    heights = [max(0.8, len(panel_lanes) * (0.1 + 0.06 * len(looks))) for panel_lanes in lanes] or [1.0]
    tall = sum(heights) + 0.3 * len(heights) + 0.35 + legend.height
    figure, axes = blank(width, tall, len(heights), 1, sharex=True, height_ratios=heights)
    for axis, (title, part), panel_lanes in zip(axes, panels_drawn, lanes, strict=False):
        axis.set_title(title)
        _panel(axis, part, panel_lanes, looks)
    if not panels_drawn:
        panels.nothing(axes[0])
    axes[-1].set_xlabel("Advantage over the best blind guess (1: everything)")
    legend.put(figure)
    return figure


def _lanes(part: DataFrame) -> list[tuple[Any, ...]]:
    """Lanes from the top: record-level secrets first, by the largest advantage anyone reaches."""
    order = part.groupby([*_LANE, "aggregate"], sort=True, dropna=False)["advantage"].max().reset_index()
    order = order.sort_values(["aggregate", "advantage"], ascending=[True, False], kind="stable")
    return list(zip(*(listed(order, column) for column in _LANE), strict=True))


def _panel(
    axis: Axes, part: DataFrame, lanes: Sequence[tuple[Any, ...]], looks: Mapping[tuple[Any, ...], panels.Look]
) -> None:
    places = {lane: place for place, lane in enumerate(lanes)}
    for place in range(0, len(lanes), 2):
        axis.axhspan(place - 0.5, place + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
    axis.axvline(0.0, color=FRAME, linewidth=0.7, zorder=1)
    step = 0.8 / max(len(looks), 1)
    for number, ((name, point), look) in enumerate(looks.items()):
        series = part[(part["submission"] == name) & (part["point"] == point)]
        keys = zip(*(listed(series, column) for column in _LANE), strict=True)
        at = [places[key] + (number - (len(looks) - 1) / 2) * step for key in keys]
        low, high = (series[f"advantage_{end}"].to_numpy(dtype=float).clip(-0.2, 1.0) for end in ("low", "high"))
        axis.hlines(at, low, high, color=look["color"], linewidth=0.9, zorder=2)
        axis.scatter(series["advantage"].clip(-0.2, 1.0), at, s=9, color=look["color"], marker=look["marker"], zorder=3)
    axis.set(xlim=(-0.22, 1.03), ylim=(len(lanes) - 0.5, -0.5), yticks=range(len(lanes)))
    axis.set_yticklabels([_name(lane, lanes) for lane in lanes])
    axis.tick_params(axis="y", length=0)


def _name(lane: tuple[Any, ...], lanes: Sequence[tuple[Any, ...]]) -> str:
    """Attack and variant, below it secret and metric where the panel has several of them."""
    attack, variant, secret, metric = (part or "" for part in lane)
    words = [secret] if len({one[2] for one in lanes}) > 1 else []
    words += [metric] if len({one[3] for one in lanes}) > 1 else []
    first = shown(f"{attack} ({variant})" if variant else attack)
    return "\n".join([first, shown(", ".join(words))]).strip()
