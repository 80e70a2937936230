"""Undefended results that are shipped, taken over instead of being computed once more on every machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.evaluation.plan import CellPlan
from harness.plugins.suite import Suite
from harness.store import CellRecord, RunRecord, Store, read_bundle

__all__ = ["take_shipped"]


def take_shipped(store: Store, folder: Path | None, suite: Suite, cells: Iterable[CellPlan]) -> int:
    """Put the shipped results of undefended cells that are planned and missing into the store; returns their number.

    They count where their keys are those of the plan: same code, data, model, settings, seeds and salt. ``folder`` is
    that of :func:`harness.plugins.registry.results`.

    Raises:
        StoreError: the shipped file is damaged; names it.
    """
    wanted = {cell.key: cell.run.key for cell in cells if cell.run.submission.name == "none"}
    missing = {key for key in wanted if not store.has_result(key)}
    source = folder / suite.label / "none.jsonl.gz" if folder else None
    if not missing or source is None or not source.is_file():
        return 0
    records, _ = read_bundle(source)
    results = (record for record in records if isinstance(record, CellRecord) and record.status != "error")
    taken = [cell for cell in results if cell.key in missing]
    runs = {wanted[cell.key] for cell in taken}
    for record in records:
        if isinstance(record, RunRecord) and record.key in runs and store.run(record.key) is None:
            store.put_run(record)
    return sum(store.put_cell(cell) for cell in taken)
