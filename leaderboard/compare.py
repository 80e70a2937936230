"""Two stores or bundles side by side: every row that both have, with paired intervals of the differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.assessment import Assessment, Place, assess_entry, suite_of
from leaderboard.ranks.joint_bootstrap import bootstrap_jointly
from leaderboard.ranks.paired_tests import MEASURES, Difference, differences, holm
from leaderboard.records import Collected, collect_records

__all__ = ["Comparison", "compare_records"]

_SIDES = ("A", "B")


@dataclass(frozen=True)
class Comparison:
    """A row that two collections of records have, and how far apart it is."""

    suite: str
    entry: str
    submission: str
    point: int
    same: bool
    """Both have the very same runs and cells."""
    a: Assessment
    b: Assessment
    differences: tuple[Difference, ...]
    """A - B of each measure that both have on shared records and seeds; p-values are Holm's over rows and measures."""


def compare_records(a: Path, b: Path) -> tuple[list[Comparison], list[str], list[str]]:
    """Rows that both have, then the names of those that only the first and only the second has.

    Raises:
        StoreError: one of them cannot be read.
    """
    sides = [_rows(collect_records([path])) for path in (a, b)]
    shared = sorted(set(sides[0]) & set(sides[1]))
    entries = list(dict.fromkeys((suite, entry) for suite, entry, _ in shared))
    compared = [comparison for place in entries for comparison in _entry(place, shared, sides)]
    adjusted = iter(holm([d.p for c in compared for d in c.differences]))
    compared = [replace(c, differences=tuple(replace(d, p=next(adjusted)) for d in c.differences)) for c in compared]
    alone = [[_words(*place) for place in sorted(set(side) - set(shared))] for side in sides]
    return compared, alone[0], alone[1]


_Rows = dict[tuple[str, str, Place], tuple[Assessment, frozenset[tuple[str, str]]]]
"""(suite, entry, place) -> its scores, and key and content of every record behind them."""


def _rows(collected: Collected) -> _Rows:
    from harness.integrity import digest

    rows: _Rows = {}
    for entry in collected.entries():
        behind: dict[tuple[str, int], set[tuple[str, str]]] = {}
        for record in [*map(collected.runs.__getitem__, entry.run_keys), *map(collected.cells.get, entry.cell_keys)]:
            if record is not None:
                behind.setdefault((record.submission, record.point), set()).add((record.key, digest(record)))
        for row in assess_entry(entry, suite_of(entry.suite)):
            name = row.submission.partition("@")[0]
            rows[entry.suite, entry.entry, row.row.place] = row, frozenset(behind.get((name, row.point), ()))
    return rows


def _entry(
    place: tuple[str, str], shared: Sequence[tuple[str, str, Place]], sides: Sequence[_Rows]
) -> list[Comparison]:
    rows = [key for key in shared if key[:2] == place]
    both = [_on_side(side[key][0], name) for side, name in zip(sides, _SIDES, strict=True) for key in rows]
    joint = bootstrap_jointly(both)
    pairs = [(_place(key[2], "A"), _place(key[2], "B")) for key in rows]
    tested = [d for measure in MEASURES for d in differences(joint, pairs, measure)]
    return [
        Comparison(
            *place,
            key[2].submission,
            key[2].point,
            same=sides[0][key][1] == sides[1][key][1],
            a=sides[0][key][0],
            b=sides[1][key][0],
            differences=tuple(d for d in tested if d.a == _place(key[2], "A")),
        )
        for key in rows
    ]


def _on_side(row: Assessment, side: str) -> Assessment:
    """The row under a name that says whose it is, as rows of one bootstrap have different places."""
    return replace(row, row=replace(row.row, place=_place(row.row.place, side)))


def _place(place: Place, side: str) -> Place:
    return Place(f"{place.submission} {side}", place.point)


def _words(suite: str, entry: str, place: Place) -> str:
    return f"{suite} {entry} {place.submission} point {place.point}"
