"""Membership in prototypes, on runs of a toy protocol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.membership_inference.mean_release import MeanRelease
from attacks.membership_inference.prototype_cosine import PrototypeCosine
from attacks.toolkit.readers.prototypes import prototypes
from harness.attack import NoiseLaw
from harness.errors import SuiteError
from tests.stand_ins.prototype_world import mean_power, world


def test_the_ratio_finds_members_and_beats_the_cosine() -> None:
    reached, baseline = mean_power(MeanRelease(), seeds=5), mean_power(PrototypeCosine(), seeds=5)
    assert reached > 0.9
    assert reached > baseline + 0.07
    assert mean_power(MeanRelease(), seeds=5, protocol={"counts": True}) >= reached


def test_shadows_do_not_hurt() -> None:
    assert mean_power(MeanRelease(shadows=6), shadows=6) > mean_power(MeanRelease()) - 0.02


def test_noise_alone_is_chance() -> None:
    cases: list[dict[str, Any]] = [{}, {"shadows": 5}]
    for options in cases:
        protocol = {"noise": 1e4}
        assert mean_power(MeanRelease(**options), seeds=5, protocol=protocol, **options) == pytest.approx(0.5, abs=0.12)


def test_declared_and_fitted_noise_are_used_by_the_adaptive_variant() -> None:
    laws = (NoiseLaw("gaussian", 1.5),)
    protocol = {"noise": 1.5, "rounds": 4, "counts": True}
    options: dict[str, Any] = {"seeds": 12, "protocol": protocol, "sizes": (3, 6)}
    adaptive = mean_power(MeanRelease(), laws=laws, **options)
    oblivious = mean_power(MeanRelease(), laws=laws, adaptive=False, **options)
    fitted = mean_power(MeanRelease(shadows=5), shadows=5, **options)
    assert adaptive > oblivious + 0.01
    assert fitted > oblivious + 0.01


def test_a_secret_space_needs_shadows_and_is_learned_from_them() -> None:
    secret = np.random.default_rng(1).normal(size=(24, 16))
    protocol = {"secret": secret}
    with pytest.raises(SuiteError, match="raise the shadow budget"):
        MeanRelease().guess(world(protocol=protocol))
    assert mean_power(MeanRelease(shadows=12), protocol=protocol, shadows=12) > 0.8
    assert set(PrototypeCosine().guess(world(protocol=protocol)).values()) == {-1.0}


def test_what_training_moved_is_taken_out() -> None:
    """An offset of everyone and one of each party: known from shadows, and from the party's other classes."""
    options: dict[str, Any] = {"protocol": {"drift": 2.0, "counts": True}, "classes": [*"abcdef"], "sizes": (3, 6)}
    reached = mean_power(MeanRelease(shadows=6), shadows=6, **options)
    assert reached > 0.85
    assert reached > mean_power(MeanRelease(), **options) + 0.15


def test_independent_rounds_add_up() -> None:
    protocol = {"rounds": 6, "moving": 0.7}
    assert mean_power(MeanRelease(rounds="sum"), protocol=protocol) > mean_power(
        MeanRelease(), protocol={"rounds": 1, "moving": 0.7}
    )


def test_a_class_that_was_not_sent_scores_lowest() -> None:
    view = world(protocol={"fewest": 6})
    guess = MeanRelease().guess(view)
    sent = {(p.party, p.label) for p in prototypes(view.transcript, view.cloud.classes)}
    absent = [guess[c.id] for c in view.candidates if (c.party, c.label) not in sent]
    assert absent and max(absent) < min(guess[c.id] for c in view.candidates if (c.party, c.label) in sent)
