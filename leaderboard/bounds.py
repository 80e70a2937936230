"""Lower bounds on epsilon that attacks prove, each beside the largest value it could have shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from harness.membership import live_rows
from harness.schema import CellRecord, RunRecord
from harness.score.audit import tuned_one_run_audit
from harness.seeds import numpy_generator
from leaderboard.evidence import place_of

__all__ = ["ALPHA", "COPIES", "bound_rows"]

ALPHA = 0.05
"""All audits of one submission at one operating point of an entry hold together with probability 1 - ALPHA."""
COPIES = "canary_repeats"
"""Entitlement that says how often a party holds each of its canaries."""
_FEWEST = 20
"""Canaries in the live run, below which no bound is worth a line."""

Row = dict[str, Any]


def bound_rows(cells: Iterable[CellRecord], runs: Mapping[str, RunRecord] = MappingProxyType({})) -> list[Row]:
    """Rows of ``bounds``: one-run audits of membership cells, and the bounds that cells carry as facts.

    An audit (Steinke, Nasr, Jagielski 2023, theorem 5.2, at delta 0) reads only the live run's canaries, each of
    which was in by a fair coin of its own. How many are guessed is chosen on one half of them, the bound is taken on
    the other. ``ALPHA`` is split evenly over the audits of a row of the board (Bonferroni). Where a party held each of
    its canaries several times (``runs``, by key, say so), that many records share what is proven.
    """
    wanted = [cell for cell in cells if cell.role == "attack" and cell.status == "ok"]
    audited = [(cell, *_canaries(cell)) for cell in wanted]
    usable = [case for case in audited if len(case[1]) >= _FEWEST]
    shares: dict[tuple[Any, ...], int] = {}
    for cell, _, _ in usable:
        shares[_place(cell)] = shares.get(_place(cell), 0) + 1
    rows = [
        _audit(cell, scores, included, ALPHA / shares[_place(cell)], _copies(runs.get(cell.run_key)))
        for cell, scores, included in usable
    ]
    carried = [(cell, cell.facts["bound"]) for cell in wanted if "bound" in cell.facts]
    return rows + [_row(cell, "phantoms", fact["epsilon"], fact["ceiling"], fact["alpha"]) for cell, fact in carried]


def _place(cell: CellRecord) -> tuple[Any, ...]:
    return cell.suite, cell.entry, cell.submission, cell.point


def _copies(run: RunRecord | None) -> int:
    return int(run.entitlement.get(COPIES, 1)) if run else 1


def _audit(cell: CellRecord, scores: np.ndarray, included: np.ndarray, alpha: float, copies: int) -> Row:
    found = tuned_one_run_audit(scores, included, numpy_generator("audit", cell.key), alpha=alpha)
    return _row(cell, "one-run audit", found.epsilon / copies, found.ceiling / copies, alpha)


def _row(cell: CellRecord, method: str, epsilon: float, ceiling: float, alpha: float) -> Row:
    found = {"attack": cell.name, "coalition": cell.coalition, "method": method}
    return place_of(cell) | found | {"epsilon": epsilon, "ceiling": ceiling, "alpha": alpha}


def _canaries(cell: CellRecord) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the live run's canaries, and which were in."""
    rows = [row for row in live_rows(cell.scores) if row.get("canary")]
    return np.array([row["score"] for row in rows]), np.array([row["label"] == 1 for row in rows], dtype=bool)
