"""Originals beside reconstructions, from cells that carry them: the harness stores them only where licences allow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from harness.store import CellRecord

__all__ = ["evidence_rows", "place_of"]

MOST = 8
"""Texts shown of one cell."""


def evidence_rows(cells: Iterable[CellRecord]) -> list[dict[str, Any]]:
    """Rows of ``evidence`` from the cells' fact ``evidence``: a list of ``record``, ``original``, ``recovered``."""
    return [
        _row(cell, item)
        for cell in cells
        if cell.role == "attack" and cell.status == "ok"
        for item in cell.facts.get("evidence", [])[:MOST]
    ]


def place_of(cell: CellRecord) -> dict[str, Any]:
    """Where a cell belongs, as columns of the tables that have a row for each."""
    return {name: getattr(cell, name) for name in ("suite", "entry", "submission", "point", "variant", "seed")}


def _row(cell: CellRecord, item: dict[str, Any]) -> dict[str, Any]:
    original, recovered = list(item["original"]), list(item["recovered"])
    guesses = [*recovered, *[None] * len(original)]
    return {
        **place_of(cell),
        "attack": cell.name,
        "record": item["record"],
        "original": json.dumps(original),
        "recovered": json.dumps(recovered),
        "hits": json.dumps([token == guess for token, guess in zip(original, guesses, strict=False)]),
    }
