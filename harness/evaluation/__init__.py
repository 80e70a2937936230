"""From a suite and a submission to runs and cells: planned, executed, committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.evaluation.contract_check import check
    from harness.evaluation.finished_run import FinishedRun
    from harness.evaluation.plan import CellPlan, RunPlan, plan_cells

__all__ = ["CellPlan", "FinishedRun", "RunPlan", "check", "plan_cells"]

_ROOMS = {
    "harness.evaluation.contract_check": "check",
    "harness.evaluation.finished_run": "FinishedRun",
    "harness.evaluation.plan": "CellPlan RunPlan plan_cells",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
