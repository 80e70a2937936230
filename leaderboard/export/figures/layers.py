"""Leakage by cut layer: one curve per row of the board, over the suite entries that differ in their cut alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from harness.errors import LeakboardError
from leaderboard.export.figures import panels
from leaderboard.export.figures.legend import Legend, counts, line
from leaderboard.export.figures.style import blank, shown
from leaderboard.export.frames import listed, requested_rows
from leaderboard.export.request import Request

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from leaderboard.queries import Board

__all__ = ["cut_scale", "layers"]

Cuts = Mapping[tuple[str, str], str]
"""(suite, entry) -> cut as its settings write it: a share of the blocks such as ``25%``, or a number of blocks."""


def layers(board: Board, request: Request, width: float) -> Figure:
    """One panel per family of entries.

    Raises:
        LeakboardError: no entry has a cut among its settings.
    """
    frame = requested_rows(board, request, "board")
    families = {title: cuts for title, cuts in _families(board).items() if _rows(frame, cuts).shape[0]}
    if not families:
        raise LeakboardError("no entry of these results has a cut layer among its settings, so there is no such curve")
    drawn = frame[frame["privacy"].notna()]
    looks = panels.looks(board, panels.leading(drawn, ["submission", "point"]))
    shape = down, across = panels.grid(len(families), width)
    more = drawn[["submission", "point"]].drop_duplicates().shape[0] - len(looks)
    note = counts(drawn, f"{more} more rows are not shown." if more > 0 else "")
    legend = Legend([line(look) for look in looks.values()], note, width)
    figure, axes = blank(width, down * min(2.2, 0.75 * width / across) + legend.height, down, across, sharey=True)
    for axis, (title, cuts) in zip(axes, families.items(), strict=False):
        axis.set_title(shown(title, 48))
        _panel(axis, _rows(drawn, cuts), cuts, looks)
    panels.labels(axes, len(families), shape, y="Leakage of the strongest attack")
    legend.put(figure)
    return figure


def _families(board: Board) -> dict[str, Cuts]:
    """Entries that share everything but their cut, by a title; families with several cuts only, where there are any."""
    by_setting: dict[tuple[str, str, str], dict[tuple[str, str], str]] = defaultdict(dict)
    facts = board.table("suites", columns=["suite", "indicative", "entries"])
    quick = {}
    for suite, indicative, entries in zip(*(listed(facts, column) for column in facts.columns), strict=True):
        quick[suite] = " (indicative)" if indicative else ""
        for entry in json.loads(entries or "[]"):
            settings = dict(entry.get("settings") or {})
            if (cut := settings.pop("cut", None)) is not None:
                rest = json.dumps([settings, entry.get("entitlement")], sort_keys=True)
                by_setting[suite, str(entry.get("scenario")), rest][suite, entry["name"]] = str(cut)
    several = any(len(cuts) > 1 for cuts in by_setting.values())
    return {_title(cuts, quick): cuts for cuts in by_setting.values() if len(cuts) > 1 or not several}


def _title(cuts: Cuts, quick: Mapping[str, str]) -> str:
    suite = next(iter(cuts))[0]
    names = [entry for _, entry in cuts]
    shared = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))
    return f"{suite}: {names[0][:shared].rstrip('-_') or names[0]}{quick[suite]}"


def _rows(frame: DataFrame, cuts: Cuts) -> DataFrame:
    return frame[[pair in cuts for pair in zip(listed(frame, "suite"), listed(frame, "entry"), strict=True)]]


def _panel(axis: Axes, part: DataFrame, cuts: Cuts, looks: Mapping[tuple[Any, ...], panels.Look]) -> None:
    places, label, ticks = cut_scale(list(cuts.values()))
    axis.set_ylim(-0.03, 1.03)
    axis.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
    axis.set_xlabel(label)
    for (name, point), look in looks.items():
        series = part[(part["submission"] == name) & (part["point"] == point)]
        at = [places[cuts[pair]] for pair in zip(listed(series, "suite"), listed(series, "entry"), strict=True)]
        order = sorted(range(len(at)), key=at.__getitem__)
        x = [at[place] for place in order]
        middle, high, low = (
            (1.0 - series[column].to_numpy(dtype=float)[order]).clip(0, 1)
            for column in ("privacy", "privacy_low", "privacy_high")
        )
        axis.fill_between(x, low, high, color=look["color"], alpha=0.13, linewidth=0, zorder=1)
        axis.plot(x, middle, color=look["color"], marker=look["marker"], markersize=3.5, zorder=2, clip_on=False)


def cut_scale(cuts: Sequence[str]) -> tuple[Mapping[str, float], str, list[tuple[float, str]]]:
    """Cut -> place on the axis, the axis' label, its ticks; shares and numbers of blocks together become categories."""
    shares = [cut.endswith("%") for cut in cuts]
    number = {cut: float(cut.rstrip("%")) for cut in cuts}
    if all(share or number[cut] == 0 for cut, share in zip(cuts, shares, strict=True)):
        label = "Cut after this share of the blocks (%)"
    elif not any(shares):
        label = "Cut after this block"
    else:
        ordered = sorted(set(cuts), key=lambda cut: (cut.endswith("%"), number[cut]))
        number = {cut: float(place) for place, cut in enumerate(ordered)}
        return number, "Cut", [(place, cut) for cut, place in number.items()]
    return number, label, sorted({(place, f"{place:g}") for place in number.values()})
