"""Controls of attacks: known values, from either side."""

from __future__ import annotations

from typing import Any

import pytest

from harness.assessment.assess import assess
from harness.assessment.controls import controls
from harness.plugins.suite import AttackSpec, Control, Entry, Suite
from tests.harness.world import World, binary, flags, text


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


@pytest.mark.parametrize("behaviour", ["honest", "chosen"])
@pytest.mark.parametrize("role", ["informed", "diagnostic"])
def test_attacks_that_never_rank_have_their_controls(role: str, behaviour: str) -> None:
    world = World(seeds=1)
    world.add("a", role=role, behaviour=behaviour, secret="class_presence", draw=binary(0.9))
    (control,) = controls(world.ledger(), controlled("class_presence", metric="auc", at_least=0.6))
    assert control.passed


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
