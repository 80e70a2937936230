"""Assessments of stored results made up here: aggregate secrets, coalitions, flags."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.assessment.flagging import row_flags
from harness.assessment.results import ONLY_AGGREGATE
from tests.stand_ins.stored_entry import StoredEntry, binary, flags, hits, text


def test_aggregate_secrets_stay_out_of_leakage() -> None:
    stored = StoredEntry()
    stored.add("guess", draw=text(0.3))
    stored.add("blind", role="blind", draw=text(0.1))
    stored.add("counts", secret="label_distribution", draw=lambda rng: {"tv": {f"p{i}": 0.0 for i in range(10)}})
    far = {f"p{i}": 0.4 for i in range(10)}
    stored.add("prior", role="blind", secret="label_distribution", draw=lambda rng: {"tv": far})
    row = stored.row()
    assert row.leakage is not None and row.leakage.estimate < 0.4
    assert row.aggregate is not None and row.aggregate.estimate == pytest.approx(1.0)
    assert [a.aggregate for a in row.attacks if a.series.name == "counts"] == [True]


@pytest.mark.parametrize("secret", ["label_distribution", "label_distribution:edge0", "topic_distribution"])
def test_closeness_is_one_minus_the_ratio_of_distances(secret: str) -> None:
    """(m - b) / (0 - b) with total variation m, b, whose perfect value is 0."""
    stored = StoredEntry()
    stored.add("half", secret=secret, draw=lambda rng: {"tv": {f"p{i}": 0.1 for i in range(10)}})
    stored.add("prior", role="blind", secret=secret, draw=lambda rng: {"tv": {f"p{i}": 0.4 for i in range(10)}})
    row = stored.row()
    assert row.aggregate is not None and row.aggregate.estimate == pytest.approx(1 - 0.1 / 0.4)
    assert row.leakage is None and row.privacy is None
    assert row.status == "ok" and row.reason == ONLY_AGGREGATE and row.aggregate_only


def test_presence_and_counts_have_their_metrics() -> None:
    stored = StoredEntry()
    stored.add("keys", secret="class_presence", draw=binary(0.9))
    stored.add("none", role="blind", secret="class_presence", draw=binary(0.0))
    stored.add("n", secret="count", draw=lambda rng: hits(rng, 0.8, "exact"))
    stored.add("prior", role="blind", secret="count", draw=lambda rng: hits(rng, 0.1, "exact"))
    reported = {a.metric for a in stored.row().attacks if a.counts}
    assert reported == {"class_presence balanced accuracy", "count exact"}


def test_coalitions_and_behaviours_are_attacks_of_their_own() -> None:
    stored = StoredEntry()
    stored.add("a", draw=text(0.3))
    stored.add("a", coalition="client", draw=text(0.5))
    stored.add("a", behaviour="probe", draw=text(0.8))
    stored.add("blind", role="blind", draw=text(0.0))
    row = stored.row()
    assert row.leakage is not None and row.leakage.strongest is not None
    assert row.leakage.strongest[0] == "a [probe]"
    assert {a.series.coalition for a in row.attacks} == {"server", "client"}


def test_missing_seeds_are_flagged_and_shared_ones_used() -> None:
    stored = StoredEntry()
    stored.add("whole", draw=text(0.3))
    stored.add("half", draw=text(0.4))
    stored.add("blind", role="blind", draw=text(0.0))
    stored.cells = [c for c in stored.cells if c.name != "half" or c.seed < 2]
    row = stored.row()
    assert "partial" in flags(row)
    assert row.leakage is not None and row.leakage.n_seeds == 2


def test_a_failed_attack_on_records_is_not_taken_for_an_entry_without_any() -> None:
    stored = StoredEntry()
    stored.add("shares", secret="label_distribution", draw=lambda rng: {"tv": {"a": 0.1, "b": 0.2}})
    stored.add("blind", role="blind", secret="label_distribution", draw=lambda rng: {"tv": {"a": 0.4, "b": 0.4}})
    assert stored.row().status == "ok"
    stored.add("broken", status="error", draw=lambda rng: {})
    row = stored.row()
    assert row.status == "void" and not row.aggregate_only


@pytest.mark.parametrize(("seeds", "few"), [(4, True), (5, False)])
def test_five_seeds_are_enough(seeds: int, few: bool) -> None:
    stored = StoredEntry(seeds=seeds)
    stored.add("attack", draw=text(0.3))
    stored.add("blind", role="blind", draw=text(0.0))
    ranked, indicative = (replace(stored.row(), indicative=reported) for reported in (False, True))
    assert ("few_seeds" in {flag.id for flag in row_flags(ranked)}) is few
    assert "few_seeds" not in {flag.id for flag in row_flags(indicative)}


def test_a_failed_attack_and_a_metric_without_a_floor_are_told() -> None:
    stored = StoredEntry()
    stored.add("fine", draw=text(0.3))
    stored.add("crash", status="error", draw=lambda rng: {})
    stored.add("odd", secret="attribute:x", draw=binary(0.5))
    stored.add("blind", role="blind", draw=text(0.0))
    row = stored.row()
    assert {"attack_error", "no_floor"} <= flags(row)
    assert {a.series.name: a.status for a in row.attacks} == {"fine": "ok", "crash": "error", "odd": "void"}


def test_knowing_the_defense_must_not_hurt() -> None:
    stored = StoredEntry()
    stored.add("a", "d", variant="oblivious", draw=text(0.8))
    stored.add("a", "d", variant="adaptive", draw=text(0.2))
    stored.add("a", variant="oblivious", draw=text(0.8))
    stored.add("blind", role="blind", draw=text(0.0))
    assert "adaptive_weaker" in flags(stored.row("d"))
    assert "adaptive_weaker" not in flags(stored.row("none"))


def test_a_reversed_order_of_attacks_is_flagged() -> None:
    stored = StoredEntry()
    for submission, strong, weak in (("none", 0.9, 0.4), ("d", 0.2, 0.6), ("fair", 0.6, 0.3)):
        stored.add("strong", submission, variant="adaptive", draw=text(strong))
        stored.add("weak", submission, variant="adaptive", draw=text(weak))
    stored.add("blind", role="blind", draw=text(0.0))
    assert "weak_beats_strong" in flags(stored.row("d"))
    assert "weak_beats_strong" not in flags(stored.row("fair")) | flags(stored.row("none"))


def test_a_blind_guess_that_beats_every_attack_is_flagged() -> None:
    stored = StoredEntry()
    stored.add("a", draw=text(0.05))
    stored.add("blind", role="blind", draw=text(0.5))
    assert "weak_beats_strong" in flags(stored.row())


def test_scores_that_rank_backwards_are_flagged() -> None:
    stored = StoredEntry()
    stored.add("backwards", secret="attribute:x", draw=binary(-0.9))
    stored.add("forwards", secret="attribute:y", draw=binary(0.9))
    for secret in ("attribute:x", "attribute:y"):
        stored.add("blind", role="blind", secret=secret, draw=binary(0.0))
    reported = [flag.detail for flag in stored.row().flags if flag.id == "auc_below_half"]
    assert len(reported) == 1 and reported[0].startswith("backwards")


def test_nothing_recovered_from_few_records_is_no_proof() -> None:
    stored = StoredEntry(seeds=1)
    stored.add("a", draw=lambda rng: {"exact_match": {f"r{i}": 0.0 for i in range(50)}})
    stored.add("blind", role="blind", draw=lambda rng: {"exact_match": {f"r{i}": 0.0 for i in range(50)}})
    row = stored.row()
    assert "small_n" in flags(row)
    assert row.privacy is not None and row.privacy.value == 1.0 and row.privacy.low < 0.95


def test_useless_rows_and_inside_runs_are_flagged() -> None:
    stored = StoredEntry(isolation="none")
    stored.add("a", draw=text(0.3))
    stored.add("a", "noise", draw=text(0.0))
    stored.add("blind", role="blind", draw=text(0.0))
    stored.utility()
    stored.utility("noise", 0.52)
    assert {"below_floor", "isolation_none"} <= flags(stored.row("noise"))
    assert "below_floor" not in flags(stored.row("none"))


def test_the_centralised_system_is_shown_and_scores_nothing() -> None:
    """Utility is measured from local-only work; what all data in one place reach changes no number."""
    stored = StoredEntry()
    stored.add("a", draw=text(0.3))
    stored.add("blind", role="blind", draw=text(0.0))
    stored.utility(right=0.8)
    stored.add("acc", role="utility", secret="", behaviour="local_only", draw=lambda rng: hits(rng, 0.6))
    before = stored.row()
    stored.add("acc", role="utility", secret="", behaviour="centralised", draw=lambda rng: hits(rng, 0.99))
    after = stored.row()
    assert after.utility == before.utility and after.pue() == before.pue() and after.flags == before.flags
    assert [mean.system for mean in before.references] == ["undefended", "local only"]
    assert [mean.system for mean in after.references] == ["undefended", "local only", "centralised"]
    values = [mean.value for mean in after.references]
    assert values[1] < values[0] < values[2] and all(m.low <= m.value <= m.high and m.n == 200 for m in after.means)
    assert after.means[0].value == values[0]


def test_sharing_that_is_no_better_than_the_reference_is_flagged() -> None:
    stored = StoredEntry()
    stored.add("a", draw=text(0.3))
    stored.add("blind", role="blind", draw=text(0.0))
    stored.utility(right=0.5)
    assert "no_gain" in flags(stored.row())


def test_facts_of_cells_become_flags() -> None:
    stored = StoredEntry()
    stored.add("a", "d", facts={"randomised": True, "constant_message": False}, draw=text(0.3))
    stored.add("a", draw=text(0.3))
    stored.add("blind", role="blind", draw=text(0.0))
    assert "randomised" in flags(stored.row("d")) and "constant_message" not in flags(stored.row("d"))


def test_a_planted_attribute_is_shown_and_does_not_count() -> None:
    stored = StoredEntry()
    stored.add("probe", secret="attribute:planted", draw=binary(0.9))
    stored.add("blind", role="blind", secret="attribute:planted", draw=binary(0.0))
    row = stored.row()
    assert row.leakage is None and row.status == "void"
    assert [a.status for a in row.attacks if not a.metric.endswith("AUC")] == ["ok"]
