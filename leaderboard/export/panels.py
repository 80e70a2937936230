"""What figures have in common: which rows stand out, one panel per suite entry, and the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import LeakboardError
from leaderboard.export.frames import listed
from leaderboard.export.style import COLOURS, GREY, MARKERS, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["MOST_PANELS", "Look", "grid", "leading", "legend", "looks", "panels"]

MOST_PANELS = 12
"""Panels that a figure may have."""
Look = Mapping[str, Any]
"""Colour, marker and label of one series."""


def leading(frame: DataFrame, columns: Sequence[str], most: int = len(COLOURS)) -> list[tuple[Any, ...]]:
    """At most ``most`` distinct values of ``columns``: the undefended system, then by best rank, then as in the frame."""
    best: dict[tuple[Any, ...], int] = {}
    ranks = listed(frame, "rank")
    for key, rank in zip(zip(*(listed(frame, column) for column in columns), strict=True), ranks, strict=True):
        place = -1 if key[0] == "none" else 10**9 if rank is None else rank
        best[key] = min(best.get(key, 10**9), place)
    return sorted(best, key=lambda key: best[key])[:most]


def looks(board: Board, keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], Look]:
    """A look for each series; the undefended system is black. Keys are (submission,) or (submission, point)."""
    titles = dict(_pairs(board.table("submissions", columns=["submission", "title"])))
    points = board.table("board", columns=["submission", "point", "label"]).drop_duplicates()
    labels = {(name, point): label for name, point, label in _pairs(points)}
    palette = [place for place in range(len(COLOURS)) if place != len(COLOURS) - 1 or ("none",) not in {k[:1] for k in keys}]
    found: dict[tuple[Any, ...], Look] = {}
    for key in keys:
        place = len(COLOURS) - 1 if key[0] == "none" else palette.pop(0)
        title = titles.get(key[0]) or key[0]
        text = f"{title}, {labels.get(key)}" if len(key) > 1 and key[0] != "none" and labels.get(key) else title
        found[key] = {"color": COLOURS[place], "marker": MARKERS[place], "label": shown(text)}
    return found


def _pairs(frame: DataFrame) -> list[tuple[Any, ...]]:
    return list(zip(*(listed(frame, column) for column in frame.columns), strict=True))


def panels(board: Board, frame: DataFrame) -> list[tuple[str, DataFrame]]:
    """(title, rows) of each suite entry; indicative suites are marked.

    Raises:
        LeakboardError: there are more than a figure can hold.
    """
    facts = board.table("suites", columns=["suite", "indicative"])
    indicative = {suite for suite, quick in _pairs(facts) if quick}
    groups = [(key, part) for key, part in frame.groupby(["suite", "entry"], sort=False)]
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


def legend(figure: Figure, axes: Axes, handles: Sequence[Any], width: float) -> None:
    """The legend below everything, in as many columns as fit."""
    if not handles:
        return
    longest = max(len(handle.get_label()) for handle in handles)
    columns = max(1, min(len(handles), int(width / (0.055 * longest + 0.35))))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, columnspacing=1.2, handletextpad=0.5)


def line(look: Look, **changes: Any) -> Any:
    """A legend's handle for a look."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **{"markersize": 4, "linewidth": 1, **look, **changes})


def remark(text: str) -> Any:
    """A legend's line without a symbol."""
    return line({"label": text, "color": GREY}, linestyle="none")


def nothing(axes: Axes) -> None:
    """Say that there is nothing to draw."""
    axes.text(0.5, 0.5, "no rows", ha="center", va="center", color=GREY, transform=axes.transAxes)
