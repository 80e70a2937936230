"""Privacy at equal utility: one curve per scenario, over suites whose scenarios do one task on the same records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.errors import LeakboardError
from leaderboard.export.figures import panels
from leaderboard.export.figures.legend import Legend, counts, line
from leaderboard.export.figures.style import COLOURS, FRAME, MARKERS, blank, shown
from leaderboard.export.frames import requested_rows
from leaderboard.export.request import Request
from leaderboard.ranks.equal_utility import common_level
from leaderboard.side_by_side import LEVELS, Side, one_draw, sides

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["equal_utility"]


def equal_utility(board: Board, request: Request, width: float) -> Figure:
    """One panel per suite: every operating point of every entry, the steps of the best privacy at each utility, and the
    common levels.

    Raises:
        LeakboardError: no suite of one draw among those asked for, or more entries than there are colours.
    """
    frame = requested_rows(board, request, "board")
    asked = set(frame["suite"])
    drawn = {label: _chosen(sides(board, label), frame, label) for label in one_draw(board) if label in asked}
    if not drawn:
        raise LeakboardError(
            "no suite of these results draws the same records for all scenarios (one_draw in its file), and other "
            "numbers of different scenarios do not compare: choose --suite side-by-side"
        )
    entries = sorted({side.entry for some in drawn.values() for side in some})
    if len(entries) > len(COLOURS):
        raise LeakboardError(f"{len(entries)} entries are too many for one figure: choose up to {len(COLOURS)}")
    looks: dict[str, panels.Look] = {
        name: {"color": colour, "marker": marker, "label": shown(name)}
        for name, colour, marker in zip(entries, COLOURS, MARKERS, strict=False)
    }
    shape = down, across = panels.grid(len(drawn), width)
    note = counts(frame[frame["suite"].isin(list(drawn))], "Dotted: utility that all reach, and shares of it.")
    legend = Legend([line(look) for look in looks.values()], note, width)
    figure, axes = blank(width, down * min(3.0, 0.8 * width / across) + legend.height, down, across, sharey=True)
    for axis, (label, some) in zip(axes, drawn.items(), strict=False):
        axis.set_title(shown(label, 48))
        axis.set(ylim=(-0.03, 1.05))
        _panel(axis, some, looks)
    panels.labels(axes, len(drawn), shape, "Utility of the task itself", "Privacy (1: as a blind guess)")
    legend.put(figure)
    return figure


def _chosen(known: Sequence[Side], frame: DataFrame, label: str) -> list[Side]:
    """Sides of entries that the request means."""
    wanted = set(frame.loc[frame["suite"] == label, "entry"])
    return [side for side in known if side.entry in wanted and side.curve.points]


def _panel(axis: Axes, drawn: Sequence[Side], looks: dict[str, panels.Look]) -> None:
    level = common_level({side.entry: side.curve for side in drawn})
    for share in LEVELS if level is not None else ():
        axis.axvline(share * (level or 0.0), color=FRAME, linewidth=0.7, linestyle=":", zorder=1)
    for side in drawn:
        look = looks[side.entry]
        points = sorted(side.curve.points, key=lambda point: point.utility)
        useful = [max(p.privacy for p in points[place:]) for place in range(len(points))]
        at = [point.utility for point in points]
        axis.step(at, useful, where="pre", color=look["color"], linewidth=0.8, alpha=0.7, zorder=2)
        for point in points:
            if point.privacy_ends:
                axis.vlines(
                    point.utility, *point.privacy_ends, color=look["color"], linewidth=0.6, alpha=0.55, zorder=3
                )
            if point.utility_ends:
                axis.hlines(
                    point.privacy, *point.utility_ends, color=look["color"], linewidth=0.6, alpha=0.55, zorder=3
                )
        axis.scatter(at, [p.privacy for p in points], s=14, color=look["color"], marker=look["marker"], zorder=4)
