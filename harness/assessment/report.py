"""Rows of a result table: scores of design.md section 4, computed from the stored cells when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import score
from harness.assessment.assess import Assessment, assess_entry
from harness.assessment.claims import claim_state
from harness.assessment.flags import Flag
from harness.assessment.negative import NEGATIVE
from harness.assessment.references import TaskMean
from harness.assessment.series import read_ledger
from harness.errors import LeakboardError
from harness.plugins import registry
from harness.plugins.submission import Submission, load_submission
from harness.plugins.suite import Suite, load_suite
from harness.store import Store

__all__ = ["Report", "Row", "rows", "suite_of"]


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
    """What an evaluation prints."""

    rows: list[Row]
    store: Path
    suite: str
    computed: int
    reused: int
    seconds: float


def rows(
    store: Store,
    *,
    suite: Suite | None = None,
    submissions: Iterable[str] = (),
    keys: frozenset[str] | None = None,
) -> list[Row]:
    """Rows of everything stored (latest cells of each), or of some submissions, or of exactly the cells ``keys``."""
    wanted = frozenset(submissions)
    here = _here()
    labels = _labels(here)
    negatives = {loaded.name for loaded in here if loaded.control == NEGATIVE}
    return [
        _row(made, labels)
        for ledger in read_ledger(store, keys)
        if suite is None or ledger.suite == suite.label
        for made in assess_entry(ledger, suite or suite_of(ledger.suite), wanted, negatives)
    ]


def suite_of(label: str) -> Suite | None:
    """The suite of stored cells if this installation still has that very version."""
    try:
        suite = load_suite(label.partition("@")[0])
    except LeakboardError:
        return None
    return suite if suite.label == label else None


def _labels(here: Iterable[Submission]) -> dict[tuple[str, int], str]:
    """(source hash, operating point) -> what the manifest calls it."""
    return {(loaded.hash, index): point.label for loaded in here for index, point in enumerate(loaded.points)}


def _here() -> list[Submission]:
    """The submissions that are here and can be read."""
    found = []
    for folder in registry.submissions().values():
        try:
            found.append(load_submission(folder))
        except LeakboardError:  # `leakboard list submissions` says what is wrong with it
            continue
    return found


def _row(made: Assessment, labels: Mapping[tuple[str, int], str]) -> Row:
    private, useful, leak = made.privacy, made.utility, made.leakage
    parameters = made.ledger.label(made.submission, made.point)
    return Row(
        suite=made.ledger.suite,
        submission=made.submission,
        point=made.point,
        label=labels.get((made.runs[0]["submission_hash"], made.point), parameters),
        entry=made.ledger.entry,
        privacy=_number(private, "value"),
        privacy_low=_number(private, "low"),
        privacy_high=_number(private, "high"),
        utility=_number(useful, "value"),
        utility_low=_number(useful, "low"),
        utility_high=_number(useful, "high"),
        efficiency=made.efficiency,
        pue=made.pue(),
        strongest=" ".join(leak.strongest) if leak and leak.strongest else "",
        flags=tuple(str(flag) for flag in (*made.flags, *_claimed(made))),
        status=made.status,
        reason=made.reason,
        n_records=leak.n_records if leak else 0,
        seeds=len({run["seed"] for run in made.runs}),
        tasks=made.means,
        references=made.references,
    )


def _claimed(made: Assessment) -> tuple[Flag, ...]:
    """What accounting says of the row's claim, where that is nothing good."""
    told = (json.loads(run.get("verdict") or "null") for run in made.runs)
    return claim_state([verdict for verdict in told if verdict]).flags


def _number(estimate: score.Estimate | None, name: str) -> float | None:
    return None if estimate is None or estimate.void is not None else float(getattr(estimate, name))
