"""Controls of attacks: known values, from either side, and noise of the right shape."""

from __future__ import annotations

from typing import Any

import pytest

from harness.assessment.assess import assess_entry, assess_row
from harness.assessment.controls import known_values, negative_test
from harness.assessment.results import Place, RowResults
from harness.plugins.suite import AttackSpec, Control, Entry, Suite
from tests.stand_ins.stored_entry import StoredEntry, binary, flags, membership, text


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
