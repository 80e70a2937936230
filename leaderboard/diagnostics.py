"""Tests on records that are reported and never ranked, such as the distance to the nearest synthetic text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from harness.membership import live_rows
from harness.metrics.membership import auc
from harness.schema import CellRecord
from leaderboard.evidence import place_of

__all__ = ["diagnostic_rows"]

Row = dict[str, Any]


def diagnostic_rows(cells: Iterable[CellRecord]) -> list[Row]:
    """Rows of ``diagnostics``: the live run's members against its other candidates, by their scores.

    No row where one of the two sides has no score.
    """
    found = (_row(cell) for cell in cells if cell.role == "diagnostic" and cell.status == "ok")
    return [row for row in found if row is not None]


def _row(cell: CellRecord) -> Row | None:
    from scipy.stats import mannwhitneyu

    whole = live_rows(cell.scores)
    scores, inside = np.array([row["score"] for row in whole]), np.array([row["label"] == 1 for row in whole])
    if not inside.any() or inside.all():
        return None
    p = float(mannwhitneyu(scores[inside], scores[~inside], alternative="greater").pvalue)
    found = {"n": len(whole), "auc": auc(scores, inside.astype(int)), "p": p}
    return place_of(cell) | {"attack": cell.name, "coalition": cell.coalition} | found
