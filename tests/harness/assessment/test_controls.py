"""Controls of attacks: known values, from either side, and noise of the right shape."""

from __future__ import annotations

from typing import Any

import pytest

from harness.assessment.assess import assess_entry, assess_row
from harness.assessment.controls import known_values, negative_test
from harness.assessment.flags import UNRANKED
from harness.assessment.results import Place, RowResults
from harness.plugins.suite import AttackSpec, Control, Entry, Suite
from tests.stand_ins.stored_entry import StoredEntry, binary, flags, hits, membership, text


def test_an_attack_that_misses_its_control_is_void() -> None:
    stored = StoredEntry()
    for submission in ("none", "other"):
        stored.add("weak", submission, draw=text(0.2))
        stored.add("good", submission, draw=text(0.5))
    stored.add("blind", role="blind", draw=text(0.0))
    control = Control(metric="content_token_accuracy", at_least=0.9)
    specs = (AttackSpec(name="weak", control=control), AttackSpec(name="good"))
    entry = Entry(name="e", scenario="split_llm", seeds=(0, 1, 2, 3, 4), attacks=specs)
    suite = Suite(name="s", version=1, title="t", entries=(entry,))
    results = stored.results()
    row = assess_row(results.rows[Place("other", 0)], results, suite)
    assert "control_failed" in flags(row)
    assert {a.series.name: a.status for a in row.attacks} == {"weak": "void", "good": "ok"}


def controlled(secret: str, **bound: Any) -> Suite:
    """A suite whose one attack, ``a``, has a control."""
    entry = Entry(
        name="e", scenario="x", seeds=(0,), attacks=(AttackSpec(name="a", secret=secret, control=Control(**bound)),)
    )
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
    stored = StoredEntry(seeds=1)
    for variant, distance in (("oblivious", 0.3), ("adaptive", 0.1)):
        values = {"tv": {"p": distance}, "exact": {"p": 0.4 if variant == "oblivious" else 0.7}}
        stored.add("a", secret="property", variant=variant, draw=lambda rng, values=values: values)
    (control,) = known_values(stored.results(), controlled("property", **bound))
    assert control.value == pytest.approx(value) and control.passed is passed


@pytest.mark.parametrize("behaviour", ["honest", "chosen"])
@pytest.mark.parametrize("role", ["informed", "diagnostic"])
def test_attacks_that_never_rank_have_their_controls(role: str, behaviour: str) -> None:
    stored = StoredEntry(seeds=1)
    stored.add("a", role=role, behaviour=behaviour, secret="class_presence", draw=binary(0.9))
    (control,) = known_values(stored.results(), controlled("class_presence", metric="auc", at_least=0.6))
    assert control.passed


@pytest.mark.parametrize("side", ["at_least", "at_most"])
def test_a_control_without_a_value_fails_on_either_side(side: str) -> None:
    stored = StoredEntry(seeds=1)
    stored.add("a", draw=lambda rng: {"exact_match": {"r": float("nan")}})
    (control,) = known_values(stored.results(), controlled("text", metric="exact_match", **{side: 0.5}))
    assert not control.passed and "has no value" in str(control)


def test_a_leak_where_there_is_nothing_to_find_fails_the_control() -> None:
    stored = StoredEntry(seeds=3)
    stored.add("a", secret="class_presence", variant="oblivious", draw=binary(0.0))
    stored.add("a", secret="class_presence", variant="adaptive", draw=binary(0.9))
    results = stored.results()
    row = assess_row(results.undefended, results, controlled("class_presence", metric="auc", at_most=0.6))
    reported = [str(flag) for flag in row.flags if flag.id == "control_failed"]
    assert reported[0] == "control failed: a reached 1.000 (auc, known to be at most 0.6)"
    assert {a.status for a in row.attacks} == {"void"}


def test_an_attack_that_beats_its_blind_guess_on_noise_flags_every_row() -> None:
    stored = StoredEntry()
    for submission, leak in (("none", 4.0), ("noise", 0.0), ("other", 1.0)):
        stored.add("lira", submission, secret="membership", draw=membership(leak))
        stored.add("keys", submission, secret="class_presence", draw=binary(leak / 4))
    for secret, draw in (("membership", membership(0.0)), ("class_presence", binary(0.0))):
        stored.add("blind", role="blind", secret=secret, draw=draw)
    clean = stored.results()
    test = negative_test(clean.rows[Place("noise", 0)], clean)
    assert test is not None and test.passed
    assert not any(
        f.id == "negative_control_failed" for r in assess_entry(clean, None, negatives={"noise"}) for f in r.flags
    )
    stored.add("shape", "noise", secret="class_presence", draw=binary(0.9))
    stored.add("shape", secret="class_presence", draw=binary(0.9))
    rows = assess_entry(stored.results(), None, frozenset({"none", "other"}), negatives={"noise"})
    reported = [[f.detail for f in row.flags if f.id == "negative_control_failed"] for row in rows]
    assert [row.submission for row in rows] == ["none", "other"]
    assert all(len(t) == 1 and t[0].startswith("shape on class_presence") and "against noise" in t[0] for t in reported)


def test_a_negative_control_that_cannot_be_tested_says_nothing() -> None:
    stored = StoredEntry()
    stored.add("a", "noise", draw=text(0.3))
    stored.add("a", draw=text(0.3))
    stored.add("blind", role="blind", draw=text(0.95))
    results = stored.results()
    assert negative_test(results.rows[Place("noise", 0)], results) is None
    assert negative_test(RowResults(Place("absent", 0)), results) is None


def task(right: float, n: int = 24) -> Any:
    return lambda rng: hits(rng, right, n=n)


@pytest.mark.parametrize(("undefended", "void"), [(0.99, False), (0.6, True)])
def test_a_local_answer_is_a_bypass_also_where_utility_is_void(undefended: float, void: bool) -> None:
    """Defect 3: a 24-word list that answers in `receive` led the board, since the control went through the ratio."""
    stored = StoredEntry(seeds=3)
    stored.add("a", draw=text(0.5))
    stored.add("blind", role="blind", draw=text(0.0))
    stored.add("acc", role="blind", secret="", draw=task(0.55))
    for submission, honest, swapped in (("none", undefended, 0.5), ("list", 0.96, 0.96), ("fair", undefended, 0.5)):
        stored.add("acc", submission, role="utility", secret="", draw=task(honest))
        stored.add("acc", submission, role="utility", secret="", behaviour="knockout", draw=task(swapped))
        stored.add("a", submission, draw=text(0.5)) if submission != "none" else None
    caught, fair = stored.row("list"), stored.row("fair")
    assert caught.utility is not None and bool(caught.utility.void) is void
    assert "bypass" in flags(caught) & UNRANKED and "bypass" not in flags(fair)


def test_a_negative_control_never_ranks_and_must_not_be_useful() -> None:
    """Defect 3: pure noise was rank 2 with a "utility" of 0.74."""
    stored = StoredEntry()
    for submission, right in (("none", 0.95), ("noise", 0.5), ("other", 0.9)):
        stored.add("a", submission, draw=text(0.1))
        stored.utility(submission, right)
    stored.add("blind", role="blind", draw=text(0.1))
    rows = {row.submission: flags(row) & UNRANKED for row in assess_entry(stored.results(), None, negatives={"noise"})}
    assert rows == {"none": set(), "noise": {"negative_control", "below_floor"}, "other": set()}
    rows = {row.submission: flags(row) & UNRANKED for row in assess_entry(stored.results(), None, negatives={"other"})}
    assert all("negative_control_useful" in raised for raised in rows.values())
    assert "negative_control" in rows["other"] - rows["none"]


def test_an_entry_where_sharing_hardly_gains_compares_leakage_alone() -> None:
    stored = StoredEntry(seeds=1)
    stored.add("a", draw=text(0.3))
    stored.add("blind", role="blind", draw=text(0.0))
    stored.add("acc", role="utility", secret="", draw=lambda rng: {"acc": {f"r{i}": float(i < 65) for i in range(100)}})
    guess = {f"r{i}": float(i % 2 == 0) for i in range(100)}
    stored.add("acc", role="blind", secret="", draw=lambda rng: {"acc": guess})
    row = stored.row()
    assert "no_gain" in flags(row) and row.pue() is None and row.privacy is not None and row.privacy.void is None


def test_the_floor_is_on_the_far_end() -> None:
    """Defect 8: a point estimate of 0.55 from few records says nothing of a floor of 0.5."""
    stored = StoredEntry(seeds=1)
    for submission in ("none", "d"):
        stored.add("a", submission, draw=text(0.3))
    stored.add("blind", role="blind", draw=text(0.0))
    for submission, right in (("none", 40), ("d", 29)):
        values = {f"r{i}": float(i < right) for i in range(40)}
        stored.add("acc", submission, role="utility", secret="", draw=lambda rng, values=values: {"acc": values})
    half = {f"r{i}": float(i % 2 == 0) for i in range(40)}
    stored.add("acc", role="blind", secret="", draw=lambda rng: {"acc": half})
    row = stored.row("d")
    assert row.utility is not None and row.utility.low < 0.5 <= row.utility.value + 0.1
    assert "below_floor" in flags(row)
