"""The attacks on prototypes as plugins, on runs of a toy protocol."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.prototype import ATTACKS
from attacks.prototype.class_counts import DistanceCounts, PrototypeCounts, PrototypeShares, VarianceCounts
from attacks.prototype.class_presence import BlindClasses, PrototypePresence
from attacks.prototype.mean_release import MeanRelease, PrototypeCosine, calibrated
from attacks.prototype.reading import prototypes
from harness.attack import Attack, NoiseLaw, SeenMessage
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.plugins.registry import load
from harness.scenario.aggregate import CountSecret, DistributionSecret, PresenceSecret
from harness.scenario.membership import MembershipSecret
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from tests.attacks.rounds_lab import Cloud, view_of


def sharing(cloud, *, rounds=1, noise=0.0, counts=False, secret=None, dummies=False, fewest=1, moving=0.0, drift=0.0):
    """FedProto's uploads: class means of every party, through ``secret`` map and Gaussian noise."""

    def protocol(held, rng):
        seen = []
        aside = {party: drift * (1 + rng.normal(size=cloud.size)) for party in held}
        for round_ in range(rounds):
            for party, classes in held.items():
                kept = {c: t for c, t in classes.items() if len(t) >= fewest}
                means = {c: cloud.embed(t).mean(0) + aside[party] + moving * rng.normal(size=cloud.size) / len(t) ** 0.5
                         for c, t in kept.items()}  # fmt: skip
                if dummies:
                    middle = np.mean(list(cloud.means.values()), axis=0)
                    means |= {c: middle + rng.normal(size=cloud.size) for c in classes if c not in kept}
                if not means:
                    continue
                rows = np.stack([m if secret is None else m @ secret for m in means.values()])
                rows = rows + noise * rng.normal(size=rows.shape)
                payload = {"means": torch.from_numpy(rows).float(), "classes": list(means)}
                if counts:
                    payload["counts"] = torch.tensor([len(t) for t in kept.values()])
                seen.append(SeenMessage(party, SERVER, Message(Kind.PROTOTYPE, payload, round=round_)))
        return seen

    return protocol


def power(attack, view):
    guess = attack.guess(view)
    assert len(MembershipSecret({k: int(v) for k, v in view.members.items()}).score(guess)) == 3 * len(view.candidates)
    return auc([guess[one.id] for one in view.candidates], view.labels)


def world(seed=0, shadows=0, classes=("red", "green", "blue"), **options):
    cloud = Cloud(tuple(classes), seed=seed)
    made = options.pop("made", {})
    return view_of(cloud, sharing(cloud, **made), shadows=shadows, seed=seed, **options)


def mean_power(attack, seeds=3, **options):
    return np.mean([power(attack, world(seed, **options)) for seed in range(seeds)])


def test_the_ratio_finds_members_and_beats_the_cosine():
    found, baseline = mean_power(MeanRelease(), seeds=5), mean_power(PrototypeCosine(), seeds=5)
    assert found > 0.9
    assert found > baseline + 0.07
    assert mean_power(MeanRelease(), seeds=5, made={"counts": True}) >= found


def test_shadows_do_not_hurt():
    assert mean_power(MeanRelease(shadows=6), shadows=6) > mean_power(MeanRelease()) - 0.02


def test_noise_alone_is_chance():
    for options in ({}, {"shadows": 5}):
        made = {"noise": 1e4}
        assert mean_power(MeanRelease(**options), seeds=5, made=made, **options) == pytest.approx(0.5, abs=0.12)


def test_declared_and_fitted_noise_are_used_by_the_adaptive_variant():
    laws = (NoiseLaw("gaussian", 1.5),)
    made = {"noise": 1.5, "rounds": 4, "counts": True}
    options = {"seeds": 12, "made": made, "sizes": (3, 6)}
    adaptive = mean_power(MeanRelease(), laws=laws, **options)
    oblivious = mean_power(MeanRelease(), laws=laws, adaptive=False, **options)
    fitted = mean_power(MeanRelease(shadows=5), shadows=5, **options)
    assert adaptive > oblivious + 0.01
    assert fitted > oblivious + 0.01


def test_a_secret_space_needs_shadows_and_is_learned_from_them():
    secret = np.random.default_rng(1).normal(size=(24, 16))
    made = {"secret": secret}
    with pytest.raises(SuiteError, match="raise the shadow budget"):
        MeanRelease().guess(world(made=made))
    assert mean_power(MeanRelease(shadows=12), made=made, shadows=12) > 0.8
    assert set(PrototypeCosine().guess(world(made=made)).values()) == {-1.0}


def test_what_training_moved_is_taken_out():
    """An offset of everyone and one of each party: known from shadows, and from the party's other classes."""
    options = {"made": {"drift": 2.0, "counts": True}, "classes": [*"abcdef"], "sizes": (3, 6)}
    found = mean_power(MeanRelease(shadows=6), shadows=6, **options)
    assert found > 0.85
    assert found > mean_power(MeanRelease(), **options) + 0.15


def test_independent_rounds_add_up():
    made = {"rounds": 6, "moving": 0.7}
    assert mean_power(MeanRelease(rounds="sum"), made=made) > mean_power(
        MeanRelease(), made={"rounds": 1, "moving": 0.7}
    )


def test_a_class_that_was_not_sent_scores_lowest():
    view = world(made={"fewest": 6})
    guess = MeanRelease().guess(view)
    sent = {(p.party, p.label) for p in prototypes(view.transcript, view.cloud.classes)}
    absent = [guess[c.id] for c in view.candidates if (c.party, c.label) not in sent]
    assert absent and max(absent) < min(guess[c.id] for c in view.candidates if (c.party, c.label) in sent)


def test_calibration_is_used_only_where_it_ranks_shadows_better():
    rng = np.random.default_rng(0)
    members = rng.random((9, 200)) < 0.5
    flat = members + 0.5 * rng.normal(size=members.shape)
    np.testing.assert_array_equal(calibrated(flat[0], flat[1:], np.zeros_like(members[1:])), flat[0])
    level = 3 * rng.normal(size=200)
    steep = flat + level
    assert auc(calibrated(steep[0], steep[1:], members[1:]), members[0]) > auc(steep[0], members[0]) + 0.1
    gap = np.append(np.nan, steep[0][1:])
    assert np.isnan(calibrated(gap, steep[1:], members[1:])[0])


def errors(attack, view):
    scores = CountSecret(view.truth["counts"]).score(attack.guess(view))
    return np.mean([s.value for s in scores if s.metric == "absolute_error"])


def test_counts_are_read_where_sent_and_estimated_where_not():
    assert errors(PrototypeCounts(), world(made={"counts": True})) == 0.0
    found = {rule: np.mean([errors(PrototypeCounts(rule=rule), world(s, sizes=(1, 8, 30))) for s in range(4)])
             for rule in ("likelihood", "distance")}  # fmt: skip
    guess = np.mean([errors(BlindClasses(size=13 * 3), world(s, sizes=(1, 8, 30))) for s in range(4)])
    assert found["likelihood"] < found["distance"] < guess
    assert found["likelihood"] < 4


def test_shadows_correct_counts_in_a_space_of_its_own():
    secret = np.random.default_rng(1).normal(size=(24, 24))
    options = {"made": {"secret": secret, "rounds": 4, "moving": 1.0}, "sizes": (1, 8, 30), "shadows": 10}
    blind = errors(BlindClasses(size=13 * 3), world(**options))
    assert errors(PrototypeCounts(shadows=10), world(**options)) < 0.7 * blind
    assert errors(PrototypeCounts(shadows=10, rule="variance"), world(**options)) < blind
    for named, rule in ((DistanceCounts, "distance"), (VarianceCounts, "variance")):
        view = world(**options)
        assert named(shadows=10).guess(view) == PrototypeCounts(shadows=10, rule=rule).guess(view)
    with pytest.raises(SuiteError, match="shadow runs of several rounds"):
        PrototypeCounts(rule="variance").guess(world())
    with pytest.raises(SuiteError, match="none of"):
        PrototypeCounts(rule="guess")
    silent = VarianceCounts(shadows=3).guess(world(made={"fewest": 10**6, "rounds": 2}, shadows=3))
    assert {n for row in silent.values() for n in row.values()} == {0.0}


def test_shares_follow_from_counts():
    view = world(sizes=(0, 8, 30))
    truth = {p: {c: n / sum(row.values()) for c, n in row.items()} for p, row in view.truth["counts"].items()}
    secret = DistributionSecret(truth)
    found, blind = (
        np.mean([s.value for s in secret.score(attack.guess(view)) if s.metric == "tv"])
        for attack in (PrototypeShares(), BlindClasses())
    )
    assert found < blind / 2


def presence(attack, view):
    truth = {p: {c: int(n > 0) for c, n in row.items()} for p, row in view.truth["counts"].items()}
    scores = PresenceSecret(truth).score(attack.guess(view))
    return auc([s.value for s in scores if s.metric == "score"], [s.value for s in scores if s.metric == "label"])


def test_presence_is_read_off_the_keys_and_dummies_are_told_apart():
    options = {"candidates": 1, "sizes": (0, 0, 4), "parties": 12}
    assert presence(PrototypePresence(), world(**options)) == 1.0
    dummies = {"made": {"dummies": True, "rounds": 3}, "shadows": 6, **options}
    assert presence(PrototypePresence(), world(**dummies)) == 0.5
    assert presence(PrototypePresence(shadows=6), world(**dummies)) > 0.95
    assert presence(PrototypePresence(shadows=6), world(adaptive=False, **dummies)) == 0.5
    assert presence(BlindClasses(), world(**options)) == pytest.approx(0.5, abs=0.1)


def test_messages_may_be_dense_and_named_by_position():
    means = torch.eye(3)
    dense = Message(Kind.PROTOTYPE, {"means": means, "counts": torch.tensor([2, 0, 1])})
    named = Message(Kind.PROTOTYPE, {"means": means[:1], "classes": [2]})
    seen = [SeenMessage("a", SERVER, dense), SeenMessage(SERVER, "a", named), SeenMessage(SERVER, "b", named)]
    found = [(p.party, p.label, p.count) for p in prototypes(seen, ("x", "y", "z"))]
    assert found == [("a", "x", 2.0), ("a", "z", 1.0), (SERVER, "z", None)]


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_registered_and_described(name):
    attack = load("attack", name)
    assert isinstance(attack, type) and issubclass(attack, Attack)
    assert attack.name == name and attack.summary and attack.source and attack.secret
