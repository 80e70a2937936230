"""Tests that are reported and never ranked: distance to the nearest synthetic text, and attacks that know all other
records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.metrics import auc
from harness.scenario.membership import live_rows, rows_by_target
from harness.store import CellRecord
from harness.util import Floats, Mask
from leaderboard.build.examples import place_of

__all__ = ["diagnostic_rows"]

Row = dict[str, Any]


def diagnostic_rows(cells: Iterable[CellRecord]) -> list[Row]:
    """Rows of ``diagnostics``: the live run's members against its other candidates, by their scores.

    An informed attack's guess about one candidate knows the answers to all others of the run, and the same noise is
    behind all: the order of their scores would be the answer itself, whatever was released. There each target's members
    stand against the other targets' candidates that are not in.

    No row where one of the two sides has no score.
    """
    readers = {"diagnostic": _live, "informed": _between}
    rows = [_row(cell, readers[cell.role](cell)) for cell in cells if cell.role in readers and cell.status == "ok"]
    return [row for row in rows if "auc" in row]


def _row(cell: CellRecord, result: Row) -> Row:
    return place_of(cell) | {"attack": cell.name, "coalition": cell.coalition} | result


def _live(cell: CellRecord) -> Row:
    from scipy.stats import mannwhitneyu

    scores, inside = _columns(live_rows(cell.scores))
    if not inside.any() or inside.all():
        return {}
    p = float(mannwhitneyu(scores[inside], scores[~inside], alternative="greater").pvalue)
    return {"n": len(scores), "auc": auc(scores, inside.astype(int)), "p": p}


def _between(cell: CellRecord) -> Row:
    """All pairs of a member and another record, less the pairs within a target; no test, since pairs share records."""
    targets = [_columns(rows) for rows in rows_by_target(cell.scores).values()]
    if not targets:
        return {}
    won, pairs = _won(*(np.concatenate(parts) for parts in zip(*targets, strict=True)))
    within = [_won(*target) for target in targets]
    left = pairs - sum(count for _, count in within)
    if not left:
        return {}
    value = (won - sum(wins for wins, _ in within)) / left
    return {"n": sum(len(scores) for scores, _ in targets), "auc": value, "p": None}


def _won(scores: Floats, inside: Mask) -> tuple[float, int]:
    """Pairs of a member and another record in which the member scores higher (equal scores count half), and pairs."""
    pairs = int(inside.sum() * (~inside).sum())
    return (auc(scores, inside.astype(int)) * pairs if pairs else 0.0), pairs


def _columns(rows: Sequence[Mapping[str, float]]) -> tuple[Floats, Mask]:
    return np.array([row["score"] for row in rows]), np.array([row["label"] == 1 for row in rows], dtype=bool)
