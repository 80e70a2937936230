"""The negative control: where an attack reads noise, every row says so."""

from __future__ import annotations

from harness.assessment.assess import assess_entry
from harness.assessment.negative import negative_test
from tests.harness.world import World, binary, membership, text


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
