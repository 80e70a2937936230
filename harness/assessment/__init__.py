"""Assessment: every score of a row, from the cells that are stored about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.assessment.assess import assess_entry, assess_row
    from harness.assessment.claims import ClaimState, claim_state
    from harness.assessment.controls import bypasses, known_values, negative_controls, negative_flags, negative_test
    from harness.assessment.flags import FLAGS, UNRANKED, VOID, Flag, sentences
    from harness.assessment.measures import (
        LIVE_ALONE,
        LOWER_IS_BETTER,
        TEXT_METRICS,
        UNRANKED_SECRETS,
        Measure,
        comparable,
        is_aggregate,
        ways,
    )
    from harness.assessment.reading import results_of_records, stored_results
    from harness.assessment.report import Report, Row, result_rows, suite_of
    from harness.assessment.results import (
        ONLY_AGGREGATE,
        UNDEFENDED,
        Assessment,
        AttackResult,
        ControlResult,
        EntryResults,
        Place,
        RowResults,
        RunRow,
        TaskMean,
        TaskScores,
    )
    from harness.assessment.series import Series
    from harness.assessment.utility import SYSTEMS

__all__ = [
    "FLAGS",
    "LIVE_ALONE",
    "LOWER_IS_BETTER",
    "ONLY_AGGREGATE",
    "SYSTEMS",
    "TEXT_METRICS",
    "UNDEFENDED",
    "UNRANKED",
    "UNRANKED_SECRETS",
    "VOID",
    "Assessment",
    "AttackResult",
    "ClaimState",
    "ControlResult",
    "EntryResults",
    "Flag",
    "Measure",
    "Place",
    "Report",
    "Row",
    "RowResults",
    "RunRow",
    "Series",
    "TaskMean",
    "TaskScores",
    "assess_entry",
    "assess_row",
    "bypasses",
    "claim_state",
    "comparable",
    "is_aggregate",
    "known_values",
    "negative_controls",
    "negative_flags",
    "negative_test",
    "result_rows",
    "results_of_records",
    "sentences",
    "stored_results",
    "suite_of",
    "ways",
]

_HOMES = {
    "FLAGS": "harness.assessment.flags",
    "LIVE_ALONE": "harness.assessment.measures",
    "LOWER_IS_BETTER": "harness.assessment.measures",
    "ONLY_AGGREGATE": "harness.assessment.results",
    "SYSTEMS": "harness.assessment.utility",
    "TEXT_METRICS": "harness.assessment.measures",
    "UNDEFENDED": "harness.assessment.results",
    "UNRANKED": "harness.assessment.flags",
    "UNRANKED_SECRETS": "harness.assessment.measures",
    "VOID": "harness.assessment.flags",
    "Assessment": "harness.assessment.results",
    "AttackResult": "harness.assessment.results",
    "ClaimState": "harness.assessment.claims",
    "ControlResult": "harness.assessment.results",
    "EntryResults": "harness.assessment.results",
    "Flag": "harness.assessment.flags",
    "Measure": "harness.assessment.measures",
    "Place": "harness.assessment.results",
    "Report": "harness.assessment.report",
    "Row": "harness.assessment.report",
    "RowResults": "harness.assessment.results",
    "RunRow": "harness.assessment.results",
    "Series": "harness.assessment.series",
    "TaskMean": "harness.assessment.results",
    "TaskScores": "harness.assessment.results",
    "assess_entry": "harness.assessment.assess",
    "assess_row": "harness.assessment.assess",
    "bypasses": "harness.assessment.controls",
    "claim_state": "harness.assessment.claims",
    "comparable": "harness.assessment.measures",
    "is_aggregate": "harness.assessment.measures",
    "known_values": "harness.assessment.controls",
    "negative_controls": "harness.assessment.controls",
    "negative_flags": "harness.assessment.controls",
    "negative_test": "harness.assessment.controls",
    "result_rows": "harness.assessment.report",
    "results_of_records": "harness.assessment.reading",
    "sentences": "harness.assessment.flags",
    "stored_results": "harness.assessment.reading",
    "suite_of": "harness.assessment.report",
    "ways": "harness.assessment.measures",
}


def __getattr__(name: str) -> Any:
    """Import on first use: commands that assess nothing stay light."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'harness.assessment' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
