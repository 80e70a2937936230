"""Membership rates: which false-positive rate the number of non-members carries."""

from __future__ import annotations

import pytest

from harness.assessment.measures import measures
from harness.assessment.series import Series
from harness.score import TprAtFpr
from tests.stand_ins.stored_entry import StoredEntry, membership


@pytest.fixture
def members() -> StoredEntry:
    stored = StoredEntry(seeds=3)
    stored.add("lira", secret="membership", variant="oblivious", draw=membership(4.0))
    stored.add("lira", "dp", secret="membership", variant="oblivious", draw=membership(0.5))
    stored.add("blind_membership", role="blind", secret="membership", draw=membership(0.0))
    stored.utility()
    stored.utility("dp", 0.8)
    return stored


def test_membership_leaks_by_the_rate_that_the_sample_supports(members: StoredEntry) -> None:
    """Three seeds of 8 x 15 canary non-members: 10 % is told and counts, 1 % needs 1,000."""
    row = members.row()
    metrics = {a.metric: a.counts for a in row.attacks}
    assert metrics["membership (canaries) TPR at 10 % FPR"] and not metrics["membership (canaries) AUC"]
    assert not any("1 % FPR" in metric for metric in metrics if "10 %" not in metric)
    assert row.leakage is not None and row.leakage.strongest is not None
    assert row.leakage.strongest[1] == "membership (canaries) TPR at 10 % FPR"
    assert row.privacy is not None and row.privacy.value < 0.1
    private = members.row("dp").privacy
    assert private is not None and private.value > 0.5


def test_a_larger_sample_pins_the_rate_of_one_percent() -> None:
    stored = StoredEntry(seeds=3)
    stored.add("lira", secret="membership", draw=membership(4.0, 120, 12))
    stored.add("blind_membership", role="blind", secret="membership", draw=membership(0.0, 120, 12))
    metrics = {a.metric: a.counts for a in stored.row().attacks}
    assert metrics["membership (canaries) TPR at 1 % FPR"] and not metrics["membership (canaries) TPR at 10 % FPR"]
    assert not any("0.1 %" in metric for metric in metrics)


def test_the_entitlement_pins_another_rate() -> None:
    stored = StoredEntry(seeds=3, entitlement={"fpr": 0.1})
    stored.add("lira", secret="membership", draw=membership(4.0, 120, 12))
    stored.add("blind_membership", role="blind", secret="membership", draw=membership(0.0, 120, 12))
    metrics = {a.metric: a.counts for a in stored.row().attacks}
    assert metrics["membership (canaries) TPR at 10 % FPR"] and not metrics["membership (canaries) TPR at 1 % FPR"]


@pytest.mark.parametrize(
    ("candidates", "targets", "asked", "pinned"),
    [(60, 8, 0.001, 10), (60, 8, 0.01, 10), (120, 12, 0.001, 1), (120, 12, 0.01, None), (60, 8, 0.1, None)],
)
def test_too_few_non_members_for_the_asked_rate_are_flagged(
    candidates: int, targets: int, asked: float, pinned: int | None
) -> None:
    """Some 360 non-members carry 10 %, some 1,080 carry 1 %: the row says which rate took the place of which."""
    stored = StoredEntry(seeds=3, entitlement={"fpr": asked})
    stored.add("lira", secret="membership", draw=membership(4.0, candidates, targets))
    stored.add("blind_membership", role="blind", secret="membership", draw=membership(0.0, candidates, targets))
    row = stored.row()
    details = [f.detail for f in row.flags if f.id == "few_nonmembers" and "asked" in f.detail]
    assert len(details) == (2 if pinned else 0)  # canaries, and average records
    if pinned:
        said = f"carry {pinned} % FPR, not the asked {100 * asked:g} %"
        assert all(said in t for t in details), details
        counting = [a for a in row.attacks if a.counts]
        assert counting and all(a.metric.endswith(f"TPR at {pinned} % FPR") for a in counting)


@pytest.mark.parametrize(("outsiders", "pinned"), [(999, 0.1), (1000, 0.01), (9999, 0.01), (10000, 0.001)])
def test_a_rate_needs_ten_false_positives(outsiders: int, pinned: float) -> None:
    """Issue 4: fewer than 1,000 non-members cannot tell 0.1 %, nor can they tell 1 %."""
    scores = {f"0:c{i}": float(i % 7) for i in range(outsiders + 50)}
    labels = {record: float(i >= outsiders) for i, record in enumerate(scores)}
    values = {"score": {0: scores}, "label": {0: labels}}
    cell = Series("a", "", "membership", "", "attack", "honest", values, "ok", None)
    counting = [entry for entry in measures([cell], 0.001) if entry.counts and not entry.turned]
    assert [entry.scores.statistic for entry in counting] == [TprAtFpr(pinned)]
    few = [flag.detail for entry in counting for flag in entry.flags]
    assert few == (
        []
        if pinned == 0.001
        else [f"average: {outsiders:,} non-member scores carry {100 * pinned:g} % FPR, not the asked 0.1 %"]
    )


def test_one_candidate_is_one_cluster(members: StoredEntry) -> None:
    leakage = members.row().leakage
    assert leakage is not None and leakage.n_records == 60 * 8
    counted = [a for a in members.row().attacks if a.metric == "membership (average) AUC"]
    assert counted[0].n == 3 * 30 * 8
