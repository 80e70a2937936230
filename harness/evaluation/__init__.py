"""From a suite and a submission to runs and cells: planned, executed, committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.evaluation.attack_check import check_attack
    from harness.evaluation.contract_check import check_submission
    from harness.evaluation.finished_run import FinishedRun
    from harness.evaluation.plan import CellPlan, RunPlan, plan_cells
    from harness.evaluation.scenario_check import check_scenario

__all__ = [
    "CellPlan",
    "FinishedRun",
    "RunPlan",
    "check_attack",
    "check_scenario",
    "check_submission",
    "plan_cells",
]

_ROOMS = {
    "harness.evaluation.attack_check": "check_attack",
    "harness.evaluation.contract_check": "check_submission",
    "harness.evaluation.finished_run": "FinishedRun",
    "harness.evaluation.plan": "CellPlan RunPlan plan_cells",
    "harness.evaluation.scenario_check": "check_scenario",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
