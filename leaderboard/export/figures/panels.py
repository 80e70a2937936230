"""Parts that figures share: the rows that stand out, their looks, and one panel per suite entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import LeakboardError
from leaderboard.export.figures.style import COLOURS, GREY, MARKERS, shown
from leaderboard.export.frames import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["MOST_PANELS", "Look", "grid", "labels", "leading", "looks", "nothing", "panels"]

MOST_PANELS = 12
"""Panels that a figure may have."""
Look = Mapping[str, Any]
"""Colour, marker and label of one series."""


def leading(frame: DataFrame, columns: Sequence[str], most: int = len(COLOURS)) -> list[tuple[Any, ...]]:
    """At most ``most`` distinct values of ``columns``: the undefended system, then the best ranked.

    Operating points of one submission stand together.
    """
    best: dict[tuple[Any, ...], int] = {}
    ranks = listed(frame, "rank")
    for key, rank in zip(zip(*(listed(frame, column) for column in columns), strict=True), ranks, strict=True):
        place = -1 if key[0] == "none" else 10**9 if rank is None else rank
        best[key] = min(best.get(key, 10**9), place)
    keys = sorted(best, key=lambda key: best[key])[:most]
    first = {key[0]: place for place, key in reversed(list(enumerate(keys)))}
    return sorted(keys, key=lambda key: (first[key[0]], key[1:]))


def looks(board: Board, keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], Look]:
    """A look for each series, black for the undefended system; keys are (submission,) or (submission, point)."""
    titles = dict(_pairs(board.table("submissions", columns=["submission", "title"])))
    points = board.table("board", columns=["submission", "point", "label"]).drop_duplicates()
    labels = {(name, point): label for name, point, label in _pairs(points)}
    black = len(COLOURS) - 1
    palette = list(range(black if any(key[0] == "none" for key in keys) else black + 1))
    looks_by_key: dict[tuple[Any, ...], Look] = {}
    for key in keys:
        place = black if key[0] == "none" else palette.pop(0)
        title = titles.get(key[0]) or key[0]
        text = f"{title}, {labels.get(key)}" if len(key) > 1 and key[0] != "none" and labels.get(key) else title
        looks_by_key[key] = {"color": COLOURS[place], "marker": MARKERS[place], "label": shown(text, 56)}
    return looks_by_key


def _pairs(frame: DataFrame) -> list[tuple[Any, ...]]:
    return list(zip(*(listed(frame, column) for column in frame.columns), strict=True))


def panels(board: Board, frame: DataFrame) -> list[tuple[str, DataFrame]]:
    """(title, rows) of each suite entry; indicative suites are marked.

    Raises:
        LeakboardError: there are more than a figure can hold.
    """
    facts = board.table("suites", columns=["suite", "indicative"])
    indicative = {suite for suite, quick in _pairs(facts) if quick}
    groups: list[Any] = list(frame.groupby(["suite", "entry"], sort=False))
    if len(groups) > MOST_PANELS:
        raise LeakboardError(
            f"{len(groups)} suite entries are too many for one figure (at most {MOST_PANELS}): choose with --suite, "
            "--scenario or --entry"
        )
    several = len({suite for (suite, _), _ in groups}) > 1
    return [(_title(suite, entry, suite in indicative, several), part) for (suite, entry), part in groups]


def _title(suite: str, entry: str, indicative: bool, several: bool) -> str:
    name = f"{suite}: {entry}" if several else entry
    return shown(f"{name} (indicative)" if indicative else name, 48)


def grid(count: int, width: float) -> tuple[int, int]:
    """Rows and columns for so many panels."""
    columns = 1 if width < 5 else min(count, 3 if count > 4 or count == 3 else 2)
    return -(-max(count, 1) // max(columns, 1)), max(columns, 1)


def labels(axes: Sequence[Axes], count: int, shape: tuple[int, int], x: str = "", y: str = "") -> None:
    """Axis labels on the outer panels alone; panels beyond ``count`` are not shown."""
    _, across = shape
    for place, axis in enumerate(axes):
        axis.set_visible(place < max(count, 1))
        if place % across == 0:
            axis.set_ylabel(y)
        if x and place + across >= count:
            axis.set_xlabel(x)
            axis.tick_params(labelbottom=True)


def nothing(axes: Axes) -> None:
    """Say that there is nothing to draw."""
    axes.text(0.5, 0.5, "no rows", ha="center", va="center", color=GREY, transform=axes.transAxes)
