"""Attacks that fail through a submission's doing, at one seed or all: the row is void, not relieved."""

from __future__ import annotations

from typing import Any

import pytest

from harness.assessment.flags import UNRANKED
from harness.assessment.results import Assessment
from tests.stand_ins.stored_entry import StoredEntry, flags, text


@pytest.fixture
def stored() -> StoredEntry:
    """An undefended row with an active and a passive attack, and a defended one that has only the passive one yet."""
    entry = StoredEntry(seeds=3)
    for submission in ("none", "d"):
        entry.add("passive", submission, draw=text(0.4))
        entry.utility(submission)
        entry.add("same_in_simulation", submission, role="control", secret="", draw=lambda rng: {})
    entry.add("active", behaviour="queries", draw=text(0.9))
    entry.add("blind", role="blind", draw=text(0.0))
    return entry


def unranked(row: Assessment) -> set[str]:
    return flags(row) & UNRANKED


@pytest.mark.parametrize("status", ["error", "not_applicable"])
def test_a_submission_that_raises_on_chosen_queries_is_void(stored: StoredEntry, status: str) -> None:
    """Defect 5: its active attacks were dropped, and the row stood at 0.43 where it leaks 0.95."""
    stored.add("active", "d", behaviour="queries", status=status, draw=lambda rng: {})
    row = stored.row("d")
    assert row.status == "void" and row.privacy is not None and row.privacy.void and row.pue() is None
    assert "attack_prevented" in unranked(row) and "active" in str(row.reason)
    assert not unranked(stored.row())


def test_an_error_at_one_seed_voids_all(stored: StoredEntry) -> None:
    stored.add("active", "d", behaviour="queries", draw=text(0.9))
    failed = [c.model_copy(update={"status": "error", "scores": ()}) for c in stored.cells[-1:]]
    stored.cells[-1:] = failed
    assert "attack_prevented" in unranked(stored.row("d")) and stored.row("d").status == "void"


def test_an_attack_that_was_not_run_keeps_the_row_out_of_ranks(stored: StoredEntry) -> None:
    row = stored.row("d")
    assert unranked(row) == {"partial"} and row.status == "ok"
    stored.add("active", "d", behaviour="queries", draw=text(0.9))
    assert not unranked(stored.row("d"))


def test_an_attack_that_fails_by_itself_keeps_every_row_out_of_ranks(stored: StoredEntry) -> None:
    stored.add("active", "d", behaviour="queries", draw=text(0.9))
    for submission in ("none", "d"):
        stored.add("broken", submission, status="error", draw=lambda rng: {})
        row = stored.row(submission)
        assert row.status == "ok" and "attack_error" in unranked(row) | {*flags(row)}
    assert "attack_error" in unranked(stored.row()) and "attack_error" in unranked(stored.row("d"))


@pytest.mark.parametrize("what", ["task", "control", "knockout"])
def test_failing_tasks_and_controls_are_no_way_past_them(stored: StoredEntry, what: str) -> None:
    stored.add("active", "d", behaviour="queries", draw=text(0.9))
    fails: dict[str, Any] = {"status": "error", "secret": "", "draw": lambda rng: {}}
    if what == "knockout":
        stored.add("acc", role="utility", secret="", behaviour="knockout", draw=text(0.5))
        stored.add("acc", "d", role="utility", behaviour="knockout", **fails)
    elif what == "task":
        stored.add("f1", role="utility", secret="", draw=text(0.5))
        stored.add("f1", "d", role="utility", **fails)
    else:
        stored.add("solo_replay", "d", role="control", **fails)
    assert unranked(stored.row("d")) == {"partial" if what == "task" else "control_missing"}
