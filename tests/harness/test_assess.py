"""Assessments from ledgers made up here: membership, aggregate secrets, coalitions, controls, flags."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.assess import ONLY_AGGREGATE, Assessment, assess, assess_entry
from harness.controls import controls
from harness.ledgers import Ledger, Series, ledgers
from harness.negative import negative_test
from harness.oddities import row_flags
from harness.panels import panelled
from harness.score import TprAtFpr
from harness.suite import AttackSpec, Control, Entry, Suite

COSTS = dict.fromkeys(("bytes_up", "bytes_down", "private_flops", "private_peak_bytes", "round_trips"), 10)
Values = dict[str, dict[str, float]]


class World:
    """Collects rows of runs and cells of one entry."""

    def __init__(self, seeds: int = 5, entitlement: dict[str, Any] | None = None, isolation: str = "process") -> None:
        self.seeds, self.isolation = seeds, isolation
        self.entitlement = json.dumps(entitlement or {})
        self.runs: dict[str, dict[str, Any]] = {}
        self.cells: list[dict[str, Any]] = []
        self.scores: dict[str, Values] = {}

    def add(
        self, name: str, submission: str = "none", *, role: str = "attack", variant: str = "", secret: str = "text",
        coalition: str = "server", behaviour: str = "honest", facts: dict[str, Any] | None = None,
        status: str = "ok", draw: Any,
    ) -> None:  # fmt: skip
        """A cell for every seed; ``draw(rng)`` gives metric -> record -> value, the same rng for all submissions."""
        for seed in range(self.seeds):
            run = f"{submission}/{seed}/{behaviour}"
            axes = {"suite": "s@1", "entry": "e", "submission": submission, "point": 0, "seed": seed}
            axes |= {"behaviour": behaviour}
            self.runs[run] = {**axes, **COSTS, "key": run, "isolation": self.isolation, "status": "ok", "reason": None,
                              "entitlement": self.entitlement, "parameters": "{}", "created": ""}  # fmt: skip
            key = f"{run}/{role}/{name}/{variant}/{secret}/{coalition}"
            self.cells.append(
                {**axes, "key": key, "run_key": run, "role": role, "name": name, "variant": variant, "secret": secret,
                 "coalition": coalition, "status": status, "reason": "boom" if status == "error" else None,
                 "facts": json.dumps(facts or {}), "seconds": 1.0}
            )  # fmt: skip
            self.scores[key] = draw(np.random.default_rng([seed, 7]))

    def utility(self, submission: str = "none", right: float = 0.9) -> None:
        """Task accuracy, with the blind reference at one half."""
        self.add("acc", submission, role="utility", secret="", draw=lambda rng: hits(rng, right))
        if submission == "none":
            self.add("acc", role="blind", secret="", draw=lambda rng: hits(rng, 0.5))

    def ledger(self) -> Ledger:
        return ledgers(self.runs, self.cells, self.scores)[0]

    def row(self, submission: str = "none") -> Assessment:
        return next(row for row in assess_entry(self.ledger(), None) if row.submission == submission)


def hits(rng: np.random.Generator, right: float, metric: str = "acc", n: int = 40) -> Values:
    return {metric: {f"r{i}": float(x < right) for i, x in enumerate(rng.random(n))}}


def text(share: float, n: int = 40) -> Any:
    return lambda rng: {
        "content_token_accuracy": {f"r{i}": float(x) for i, x in enumerate(share + 0.1 * rng.random(n))}
    }


def membership(strength: float, candidates: int = 60, targets: int = 8) -> Any:
    """Scores over targets; half of the candidates are canaries, on which the attack is as strong as told."""

    def draw(rng: np.random.Generator) -> Values:
        found: Values = {"score": {}, "label": {}, "canary": {}}
        for target in range(targets):
            for c in range(candidates):
                record, label, canary = f"{target}:c{c}", float(rng.random() < 0.5), float(c % 2)
                noise = rng.standard_normal()
                found["label"][record], found["canary"][record] = label, canary
                found["score"][record] = label * strength * canary + noise
        return found

    return draw


def binary(strength: float, n: int = 60) -> Any:
    def draw(rng: np.random.Generator) -> Values:
        label = {f"r{i}": float(x < 0.5) for i, x in enumerate(rng.random(n))}
        return {"label": label, "score": {r: 0.5 + strength * (v - 0.5) + 0.1 * (rng.random() - 0.5)
                                          for r, v in label.items()}}  # fmt: skip

    return draw


def flags(row: Assessment) -> set[str]:
    return {flag.id for flag in row.flags}


@pytest.fixture
def members() -> World:
    world = World(seeds=3)
    world.add("lira", secret="membership", variant="oblivious", draw=membership(4.0))
    world.add("lira", "dp", secret="membership", variant="oblivious", draw=membership(0.5))
    world.add("blind_membership", role="blind", secret="membership", draw=membership(0.0))
    world.utility()
    world.utility("dp", 0.8)
    return world


def test_membership_leaks_by_the_rate_that_the_sample_supports(members: World) -> None:
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
    world = World(seeds=3)
    world.add("lira", secret="membership", draw=membership(4.0, 120, 12))
    world.add("blind_membership", role="blind", secret="membership", draw=membership(0.0, 120, 12))
    metrics = {a.metric: a.counts for a in world.row().attacks}
    assert metrics["membership (canaries) TPR at 1 % FPR"] and not metrics["membership (canaries) TPR at 10 % FPR"]
    assert not any("0.1 %" in metric for metric in metrics)


def test_the_entitlement_pins_another_rate() -> None:
    world = World(seeds=3, entitlement={"fpr": 0.1})
    world.add("lira", secret="membership", draw=membership(4.0, 120, 12))
    world.add("blind_membership", role="blind", secret="membership", draw=membership(0.0, 120, 12))
    metrics = {a.metric: a.counts for a in world.row().attacks}
    assert metrics["membership (canaries) TPR at 10 % FPR"] and not metrics["membership (canaries) TPR at 1 % FPR"]


@pytest.mark.parametrize(
    ("candidates", "targets", "asked", "pinned"),
    [(60, 8, 0.001, 10), (60, 8, 0.01, 10), (120, 12, 0.001, 1), (120, 12, 0.01, None), (60, 8, 0.1, None)],
)
def test_too_few_non_members_for_the_asked_rate_are_flagged(
    candidates: int, targets: int, asked: float, pinned: int | None
) -> None:
    """Some 360 non-members carry 10 %, some 1,080 carry 1 %: the row says which rate took the place of which."""
    world = World(seeds=3, entitlement={"fpr": asked})
    world.add("lira", secret="membership", draw=membership(4.0, candidates, targets))
    world.add("blind_membership", role="blind", secret="membership", draw=membership(0.0, candidates, targets))
    row = world.row()
    told = [f.detail for f in row.flags if f.id == "few_nonmembers" and "asked" in f.detail]
    assert len(told) == (2 if pinned else 0)  # canaries, and average records
    if pinned:
        said = f"carry {pinned} % FPR, not the asked {100 * asked:g} %"
        assert all(said in t for t in told), told
        counting = [a for a in row.attacks if a.counts]
        assert counting and all(a.metric.endswith(f"TPR at {pinned} % FPR") for a in counting)


@pytest.mark.parametrize(("outsiders", "pinned"), [(999, 0.1), (1000, 0.01), (9999, 0.01), (10000, 0.001)])
def test_a_rate_needs_ten_false_positives(outsiders: int, pinned: float) -> None:
    """Issue 4: fewer than 1,000 non-members cannot tell 0.1 %, nor can they tell 1 %."""
    scores = {f"0:c{i}": float(i % 7) for i in range(outsiders + 50)}
    labels = {record: float(i >= outsiders) for i, record in enumerate(scores)}
    values = {"score": {0: scores}, "label": {0: labels}}
    cell = Series("a", "", "membership", "", "attack", "honest", values, "ok", None)
    counting = [entry for entry in panelled([cell], 0.001) if entry.counts]
    assert [entry.scores.statistic for entry in counting] == [TprAtFpr(pinned)]
    few = [flag.detail for entry in counting for flag in entry.flags]
    assert few == ([] if pinned == 0.001 else [
        f"average: {outsiders:,} non-member scores carry {100 * pinned:g} % FPR, not the asked 0.1 %"])  # fmt: skip


def test_an_attack_that_beats_its_blind_guess_on_noise_flags_every_row() -> None:
    world = World()
    for submission, leak in (("none", 4.0), ("noise", 0.0), ("other", 1.0)):
        world.add("lira", submission, secret="membership", draw=membership(leak))
        world.add("keys", submission, secret="class_presence", draw=binary(leak / 4))
    for secret, draw in (("membership", membership(0.0)), ("class_presence", binary(0.0))):
        world.add("blind", role="blind", secret=secret, draw=draw)
    clean = world.ledger()
    test = negative_test(clean, "noise", 0)
    assert test is not None and test.passed
    assert not any(f.id == "negative_control_failed" for r in assess_entry(clean, None, negatives={"noise"})
                   for f in r.flags)  # fmt: skip
    world.add("shape", "noise", secret="class_presence", draw=binary(0.9))
    world.add("shape", secret="class_presence", draw=binary(0.9))
    rows = assess_entry(world.ledger(), None, frozenset({"none", "other"}), negatives={"noise"})
    told = [[f.detail for f in row.flags if f.id == "negative_control_failed"] for row in rows]
    assert [row.submission for row in rows] == ["none", "other"]
    assert all(len(t) == 1 and t[0].startswith("shape on class_presence") and "against noise" in t[0] for t in told)


def test_a_negative_control_that_cannot_be_tested_says_nothing() -> None:
    world = World()
    world.add("a", "noise", draw=text(0.3))
    world.add("a", draw=text(0.3))
    world.add("blind", role="blind", draw=text(0.95))
    assert negative_test(world.ledger(), "noise", 0) is None and negative_test(world.ledger(), "absent", 0) is None


def test_one_candidate_is_one_cluster(members: World) -> None:
    assert members.row().leakage.n_records == 60 * 8  # type: ignore[union-attr]
    counted = [a for a in members.row().attacks if a.metric == "membership (average) AUC"]
    assert counted[0].n == 3 * 30 * 8


def test_aggregate_secrets_stay_out_of_leakage() -> None:
    world = World()
    world.add("guess", draw=text(0.3))
    world.add("blind", role="blind", draw=text(0.1))
    world.add("counts", secret="label_distribution", draw=lambda rng: {"tv": {f"p{i}": 0.0 for i in range(10)}})
    far = {f"p{i}": 0.4 for i in range(10)}
    world.add("prior", role="blind", secret="label_distribution", draw=lambda rng: {"tv": far})
    row = world.row()
    assert row.leakage is not None and row.leakage.estimate < 0.4
    assert row.aggregate is not None and row.aggregate.estimate == pytest.approx(1.0)
    assert [a.aggregate for a in row.attacks if a.series.name == "counts"] == [True]


def test_closeness_is_one_minus_the_ratio_of_distances() -> None:
    """(m - b) / (0 - b) with total variation m, b, whose perfect value is 0."""
    world = World()
    world.add("half", secret="label_distribution", draw=lambda rng: {"tv": {f"p{i}": 0.1 for i in range(10)}})
    world.add("prior", role="blind", secret="label_distribution",
              draw=lambda rng: {"tv": {f"p{i}": 0.4 for i in range(10)}})  # fmt: skip
    row = world.row()
    assert row.aggregate is not None and row.aggregate.estimate == pytest.approx(1 - 0.1 / 0.4)
    assert row.leakage is None and row.privacy is None
    assert row.status == "ok" and row.reason == ONLY_AGGREGATE and row.aggregate_only


def test_presence_and_counts_have_their_metrics() -> None:
    world = World()
    world.add("keys", secret="class_presence", draw=binary(0.9))
    world.add("none", role="blind", secret="class_presence", draw=binary(0.0))
    world.add("n", secret="count", draw=lambda rng: hits(rng, 0.8, "exact"))
    world.add("prior", role="blind", secret="count", draw=lambda rng: hits(rng, 0.1, "exact"))
    told = {a.metric for a in world.row().attacks if a.counts}
    assert told == {"class_presence balanced accuracy", "count exact"}


def test_coalitions_and_behaviours_are_attacks_of_their_own() -> None:
    world = World()
    world.add("a", draw=text(0.3))
    world.add("a", coalition="client", draw=text(0.5))
    world.add("a", behaviour="probe", draw=text(0.8))
    world.add("blind", role="blind", draw=text(0.0))
    row = world.row()
    assert row.leakage is not None and row.leakage.strongest is not None
    assert row.leakage.strongest[0] == "a [probe]"
    assert {a.series.coalition for a in row.attacks} == {"server", "client"}


def test_missing_seeds_are_flagged_and_shared_ones_used() -> None:
    world = World()
    world.add("whole", draw=text(0.3))
    world.add("half", draw=text(0.4))
    world.add("blind", role="blind", draw=text(0.0))
    world.cells = [c for c in world.cells if c["name"] != "half" or c["seed"] < 2]
    row = world.row()
    assert "partial" in flags(row)
    assert row.leakage is not None and row.leakage.n_seeds == 2


def test_a_failed_attack_on_records_is_not_taken_for_an_entry_without_any() -> None:
    world = World()
    world.add("shares", secret="label_distribution", draw=lambda rng: {"tv": {"a": 0.1, "b": 0.2}})
    world.add("blind", role="blind", secret="label_distribution", draw=lambda rng: {"tv": {"a": 0.4, "b": 0.4}})
    assert world.row().status == "ok"
    world.add("broken", status="error", draw=lambda rng: {})
    row = world.row()
    assert row.status == "void" and not row.aggregate_only


@pytest.mark.parametrize(("seeds", "few"), [(4, True), (5, False)])
def test_five_seeds_are_enough(seeds: int, few: bool) -> None:
    world = World(seeds=seeds)
    world.add("attack", draw=text(0.3))
    world.add("blind", role="blind", draw=text(0.0))
    ranked, indicative = (replace(world.row(), indicative=told) for told in (False, True))
    assert ("few_seeds" in {flag.id for flag in row_flags(ranked)}) is few
    assert "few_seeds" not in {flag.id for flag in row_flags(indicative)}


def test_a_failed_attack_and_a_metric_without_a_floor_are_told() -> None:
    world = World()
    world.add("fine", draw=text(0.3))
    world.add("crash", status="error", draw=lambda rng: {})
    world.add("odd", secret="attribute:x", draw=binary(0.5))
    world.add("blind", role="blind", draw=text(0.0))
    row = world.row()
    assert {"attack_error", "no_floor"} <= flags(row)
    assert {a.series.name: a.status for a in row.attacks} == {"fine": "ok", "crash": "error", "odd": "void"}


def test_an_attack_that_misses_its_control_is_void() -> None:
    world = World()
    for submission in ("none", "other"):
        world.add("weak", submission, draw=text(0.2))
        world.add("good", submission, draw=text(0.5))
    world.add("blind", role="blind", draw=text(0.0))
    control = Control(metric="content_token_accuracy", at_least=0.9)
    specs = (AttackSpec(name="weak", control=control), AttackSpec(name="good"))
    entry = Entry(name="e", scenario="split_llm", seeds=(0, 1, 2, 3, 4), attacks=specs)
    suite = Suite(name="s", version=1, title="t", entries=(entry,))
    row = assess(world.ledger(), suite, "other", 0)
    assert "control_failed" in flags(row)
    assert {a.series.name: a.status for a in row.attacks} == {"weak": "void", "good": "ok"}


def controlled(secret: str, **bound: Any) -> Suite:
    """A suite whose one attack, ``a``, has a control."""
    entry = Entry(name="e", scenario="x", seeds=(0,), attacks=(AttackSpec(name="a", secret=secret,
                                                                         control=Control(**bound)),))  # fmt: skip
    return Suite(name="s", version=1, title="t", entries=(entry,))


@pytest.mark.parametrize(
    ("bound", "value", "passed"),
    [
        ({"metric": "tv", "at_most": 0.2}, 0.1, True),
        ({"metric": "tv", "at_most": 0.05}, 0.1, False),
        ({"metric": "tv", "at_least": 0.2}, 0.1, False),
        ({"metric": "exact", "at_least": 0.6}, 0.7, True),
        ({"metric": "exact", "at_most": 0.6}, 0.7, False),
        ({"metric": "exact", "at_most": 0.7}, 0.7, True),
    ],
)
def test_a_control_is_about_the_strongest_variant(bound: dict[str, Any], value: float, passed: bool) -> None:
    """Of distances the smallest variant, of anything else the largest: a leak in one variant is a leak."""
    world = World(seeds=1)
    for variant, distance in (("oblivious", 0.3), ("adaptive", 0.1)):
        values = {"tv": {"p": distance}, "exact": {"p": 0.4 if variant == "oblivious" else 0.7}}
        world.add("a", secret="property", variant=variant, draw=lambda rng, values=values: values)
    (control,) = controls(world.ledger(), controlled("property", **bound))
    assert control.value == pytest.approx(value) and control.passed is passed


@pytest.mark.parametrize("side", ["at_least", "at_most"])
def test_a_control_without_a_value_fails_on_either_side(side: str) -> None:
    world = World(seeds=1)
    world.add("a", draw=lambda rng: {"exact_match": {"r": float("nan")}})
    (control,) = controls(world.ledger(), controlled("text", metric="exact_match", **{side: 0.5}))
    assert not control.passed and "has no value" in str(control)


def test_a_leak_where_there_is_nothing_to_find_fails_the_control() -> None:
    world = World(seeds=3)
    world.add("a", secret="class_presence", variant="oblivious", draw=binary(0.0))
    world.add("a", secret="class_presence", variant="adaptive", draw=binary(0.9))
    row = assess(world.ledger(), controlled("class_presence", metric="auc", at_most=0.6), "none", 0)
    told = [str(flag) for flag in row.flags if flag.id == "control_failed"]
    assert told[0] == "control failed: a reached 1.000 (auc, known to be at most 0.6)"
    assert {a.status for a in row.attacks} == {"void"}


def test_knowing_the_defense_must_not_hurt() -> None:
    world = World()
    world.add("a", "d", variant="oblivious", draw=text(0.8))
    world.add("a", "d", variant="adaptive", draw=text(0.2))
    world.add("a", variant="oblivious", draw=text(0.8))
    world.add("blind", role="blind", draw=text(0.0))
    assert "adaptive_weaker" in flags(world.row("d"))
    assert "adaptive_weaker" not in flags(world.row("none"))


def test_a_reversed_order_of_attacks_is_flagged() -> None:
    world = World()
    for submission, strong, weak in (("none", 0.9, 0.4), ("d", 0.2, 0.6), ("fair", 0.6, 0.3)):
        world.add("strong", submission, variant="adaptive", draw=text(strong))
        world.add("weak", submission, variant="adaptive", draw=text(weak))
    world.add("blind", role="blind", draw=text(0.0))
    assert "weak_beats_strong" in flags(world.row("d"))
    assert "weak_beats_strong" not in flags(world.row("fair")) | flags(world.row("none"))


def test_a_blind_guess_that_beats_every_attack_is_flagged() -> None:
    world = World()
    world.add("a", draw=text(0.05))
    world.add("blind", role="blind", draw=text(0.5))
    assert "weak_beats_strong" in flags(world.row())


def test_scores_that_rank_backwards_are_flagged() -> None:
    world = World()
    world.add("backwards", secret="attribute:x", draw=binary(-0.9))
    world.add("forwards", secret="attribute:y", draw=binary(0.9))
    for secret in ("attribute:x", "attribute:y"):
        world.add("blind", role="blind", secret=secret, draw=binary(0.0))
    told = [flag.detail for flag in world.row().flags if flag.id == "auc_below_half"]
    assert len(told) == 1 and told[0].startswith("backwards")


def test_nothing_recovered_from_few_records_is_no_proof() -> None:
    world = World(seeds=1)
    world.add("a", draw=lambda rng: {"exact_match": {f"r{i}": 0.0 for i in range(50)}})
    world.add("blind", role="blind", draw=lambda rng: {"exact_match": {f"r{i}": 0.0 for i in range(50)}})
    row = world.row()
    assert "small_n" in flags(row)
    assert row.privacy is not None and row.privacy.value == 1.0 and row.privacy.low < 0.95


def test_useless_rows_and_inside_runs_are_flagged() -> None:
    world = World(isolation="none")
    world.add("a", draw=text(0.3))
    world.add("a", "noise", draw=text(0.0))
    world.add("blind", role="blind", draw=text(0.0))
    world.utility()
    world.utility("noise", 0.52)
    assert {"below_floor", "isolation_none"} <= flags(world.row("noise"))
    assert "below_floor" not in flags(world.row("none"))


def test_the_centralised_system_is_shown_and_scores_nothing() -> None:
    """Utility is measured from local-only work; what all data in one place reach changes no number."""
    world = World()
    world.add("a", draw=text(0.3))
    world.add("blind", role="blind", draw=text(0.0))
    world.utility(right=0.8)
    world.add("acc", role="utility", secret="", behaviour="local_only", draw=lambda rng: hits(rng, 0.6))
    before = world.row()
    world.add("acc", role="utility", secret="", behaviour="centralised", draw=lambda rng: hits(rng, 0.99))
    after = world.row()
    assert after.utility == before.utility and after.pue() == before.pue() and after.flags == before.flags
    assert [mean.system for mean in before.references] == ["undefended", "local only"]
    assert [mean.system for mean in after.references] == ["undefended", "local only", "centralised"]
    values = [mean.value for mean in after.references]
    assert values[1] < values[0] < values[2] and all(m.low <= m.value <= m.high and m.n == 200 for m in after.means)
    assert after.means[0].value == values[0]


def test_sharing_that_is_no_better_than_the_reference_is_flagged() -> None:
    world = World()
    world.add("a", draw=text(0.3))
    world.add("blind", role="blind", draw=text(0.0))
    world.utility(right=0.5)
    assert "no_gain" in flags(world.row())


def test_facts_of_cells_become_flags() -> None:
    world = World()
    world.add("a", "d", facts={"randomised": True, "constant_message": False}, draw=text(0.3))
    world.add("a", draw=text(0.3))
    world.add("blind", role="blind", draw=text(0.0))
    assert "randomised" in flags(world.row("d")) and "constant_message" not in flags(world.row("d"))


def test_a_planted_attribute_is_shown_and_does_not_count() -> None:
    world = World()
    world.add("probe", secret="attribute:planted", draw=binary(0.9))
    world.add("blind", role="blind", secret="attribute:planted", draw=binary(0.0))
    row = world.row()
    assert row.leakage is None and row.status == "void"
    assert [a.status for a in row.attacks if not a.metric.endswith("AUC")] == ["ok"]
