"""Rows of a result table: scores computed from the stored cells when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import score
from harness.assessment.assess import assess_entry
from harness.assessment.claims import claim_state
from harness.assessment.reading import stored_results
from harness.assessment.results import Assessment, TaskMean
from harness.errors import LeakboardError
from harness.integrity.labels import plain_suite
from harness.plugins import registry
from harness.plugins.submission import Submission, load_submission
from harness.plugins.suite import Suite, load_suite
from harness.store import Store

__all__ = ["Report", "Row", "installed_submissions", "point_labels", "result_rows", "suite_of"]


@dataclass(frozen=True)
class Row:
    """One submission at one operating point on one suite entry. Numbers are None where they do not exist."""

    suite: str
    submission: str
    point: int
    label: str
    entry: str
    privacy: float | None
    privacy_low: float | None
    privacy_high: float | None
    utility: float | None
    utility_low: float | None
    utility_high: float | None
    efficiency: float | None
    pue: float | None
    strongest: str
    flags: tuple[str, ...]
    status: str
    reason: str | None
    n_records: int
    seeds: int
    tasks: tuple[TaskMean, ...] = ()
    """Raw means of the utility tasks."""
    references: tuple[TaskMean, ...] = ()
    """The same of the undefended system, of local-only work and of the centralised system of the entry."""


@dataclass(frozen=True)
class Report:
    """Rows of an evaluation, with where they are stored and what they took."""

    rows: list[Row]
    store: Path
    suite: str
    computed: int
    reused: int
    seconds: float


def result_rows(
    store: Store,
    *,
    suite: Suite | None = None,
    submissions: Iterable[str] = (),
    keys: frozenset[str] | None = None,
) -> list[Row]:
    """Rows of everything stored (latest cells of each), or of some submissions, or of exactly the cells ``keys``."""
    wanted = frozenset(submissions)
    installed = installed_submissions()
    labels = point_labels(installed)
    return [
        _row(assessment, labels)
        for entry in stored_results(store, keys)
        if suite is None or plain_suite(entry.suite) == suite.label
        for assessment in assess_entry(entry, suite or suite_of(entry.suite), wanted)
    ]


def suite_of(label: str) -> Suite | None:
    """The suite of stored cells if this installation still has that very version."""
    try:
        suite = load_suite(label.partition("@")[0])
    except LeakboardError:
        return None
    return suite if suite.label == plain_suite(label) else None


def point_labels(submissions: Iterable[Submission]) -> dict[tuple[str, int], str]:
    """(source hash, operating point) -> its label in the manifest."""
    return {(item.hash, index): point.label for item in submissions for index, point in enumerate(item.points)}


def installed_submissions() -> list[Submission]:
    """The submissions that are here and can be read."""
    submissions = []
    for folder in registry.submissions().values():
        try:
            submissions.append(load_submission(folder))
        except LeakboardError:  # `leakboard list submissions` says what is wrong with it
            continue
    return submissions


def _row(assessment: Assessment, labels: Mapping[tuple[str, int], str]) -> Row:
    privacy, utility, leakage = assessment.privacy, assessment.utility, assessment.leakage
    claim = claim_state([run.verdict for run in assessment.runs if run.verdict])
    return Row(
        suite=assessment.suite,
        submission=assessment.submission,
        point=assessment.point,
        label=labels.get((assessment.runs[0].submission_hash, assessment.point), assessment.row.label),
        entry=assessment.entry,
        privacy=_number(privacy, "value"),
        privacy_low=_number(privacy, "low"),
        privacy_high=_number(privacy, "high"),
        utility=_number(utility, "value"),
        utility_low=_number(utility, "low"),
        utility_high=_number(utility, "high"),
        efficiency=assessment.efficiency,
        pue=assessment.pue(),
        strongest=" ".join(leakage.strongest) if leakage and leakage.strongest else "",
        flags=tuple(str(flag) for flag in (*assessment.flags, *claim.flags)),
        status=assessment.status,
        reason=assessment.reason,
        n_records=leakage.n_records if leakage else 0,
        seeds=assessment.seeds,
        tasks=assessment.means,
        references=assessment.references,
    )


def _number(estimate: score.Estimate | None, name: str) -> float | None:
    return None if estimate is None or estimate.void is not None else float(getattr(estimate, name))
